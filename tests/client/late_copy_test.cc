// A copy of a write that a dead link holds back and delivers at last: it must not undo what was
// acknowledged since.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/client/client_harness.h"

namespace flotilla::client {
namespace {

using testing::ClientHarness;
using testing::Script;

// The first client's write is held back by a link that breaks; whatever the client does then is
// over when the second client writes the same keys; then the link delivers.
class LateCopyTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(first_.BatchPut({{"k", "old"}, {"l", "old"}}).ok()); }

  absl::Status WriteOverADyingLink(const std::function<absl::Status(ClientHarness&)>& write) {
    Script script;
    script.rpc_error = absl::UnavailableError("the link is dead");
    script.arrive_late = true;
    first_.cluster().AddScript(0, script);
    const absl::Status status = write(first_);
    EXPECT_TRUE(second_.BatchPut({{"k", "later"}, {"l", "later"}}).ok());
    EXPECT_EQ(first_.cluster().DeliverLate(), 1u);
    return status;
  }
  std::string Stored(const std::string& key) { return second_.Get(key)->value_or("none"); }

  // A write that was acknowledged before another one began never comes after it.
  void ExpectLinearizable(const std::function<absl::Status(ClientHarness&)>& write) {
    const absl::Status status = WriteOverADyingLink(write);
    if (status.ok()) {
      EXPECT_EQ(Stored("k"), "later") << "an acknowledged write was undone";
    }
    EXPECT_TRUE(IsUndetermined(status)) << status;
  }

  ClientHarness first_;
  ClientHarness second_{first_};
};

TEST_F(LateCopyTest, OfAPut) {
  ExpectLinearizable([](ClientHarness& client) { return client.Put("k", "early"); });
}

TEST_F(LateCopyTest, OfADelete) {
  ExpectLinearizable([](ClientHarness& client) { return client.Delete("k"); });
}

TEST_F(LateCopyTest, OfABatchOfPuts) {
  ExpectLinearizable([](ClientHarness& client) {
    return client.BatchPut({{"k", "early"}, {"l", "early"}});
  });
}

TEST_F(LateCopyTest, OfABatchOfDeletes) {
  ExpectLinearizable([](ClientHarness& client) { return client.BatchDelete({"k", "l"}); });
}

TEST_F(LateCopyTest, OfADeletedRange) {
  ExpectLinearizable([](ClientHarness& client) { return client.DeleteRange({"k", "m"}); });
}

// What WriteOptions warns of.
TEST_F(LateCopyTest, UndoesWhatFollowsAWriteThatMayBeSentAgain) {
  const absl::Status status = WriteOverADyingLink(
      [](ClientHarness& client) { return client.Put("k", "early", {.resend_unanswered = true}); });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(Stored("k"), "early");
}

TEST_F(LateCopyTest, OfACompareAndSwap) {
  ExpectLinearizable(
      [](ClientHarness& client) { return client.Cas("k", "old", "early").status(); });
}

}  // namespace
}  // namespace flotilla::client
