// All members of PD are away for longer than clients believe their routes: what PD is not needed
// for goes on, and what needs it waits until it is back.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include "common/base/check.h"
#include "common/base/log.h"
#include "tests/sim/cluster.h"

namespace flotilla::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class PdAwayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CHECK_OK(base::SetLogLevel("error"));
    ASSERT_TRUE(cluster_.Start().ok());
  }

  static Plan MakePlan() {
    Plan plan = Plan::Draw(1, Profile::kQuiet);
    plan.pd_members = 3;
    plan.stores = 3;
    plan.clients = 1;
    plan.client = {};
    return plan;
  }
  client::RawClient& client() { return cluster_.clients().front()->raw(); }

  absl::Status Put(const std::string& key, const std::string& value) {
    std::optional<absl::Status> result;
    client().PutAsync(key, value, {}, [&](absl::Status status) { result = std::move(status); });
    cluster_.world().RunUntil([&] { return result.has_value(); }, minutes(1));
    CHECK(result.has_value());
    return *result;
  }
  std::string Get(const std::string& key) {
    std::optional<absl::StatusOr<client::RawClient::Value>> result;
    client().GetAsync(key, {}, [&](absl::StatusOr<client::RawClient::Value> value) {
      result = std::move(value);
    });
    cluster_.world().RunUntil([&] { return result.has_value(); }, minutes(1));
    CHECK(result.has_value());
    return result->ok() ? (*result)->value_or("nothing") : result->status().ToString();
  }
  bool AllocatesAnId() {
    std::optional<bool> got;
    cluster_.clients().front()->pd().AllocIds(1,
                                              [&](absl::StatusOr<uint64_t> id) { got = id.ok(); });
    cluster_.world().RunUntil([&] { return got.has_value(); }, minutes(1));
    return got.value_or(false);
  }

  Cluster cluster_{MakePlan()};
};

TEST_F(PdAwayTest, KnownRegionsAreServedAllTheTime) {
  ASSERT_TRUE(Put("k", "before").ok());
  ASSERT_TRUE(AllocatesAnId());
  ASSERT_TRUE(cluster_.world().RunUntil(
      [&] {
        const auto led = cluster_.Led();
        return led.size() == 1 && led.front()->region.conf_state().voters.size() == 3;
      },
      minutes(5)))
      << "three replicas, while PD is there to make them";
  for (auto& member : cluster_.pd()) member->Kill();
  const env::Instant end = cluster_.world().now() + minutes(15);
  int writes = 0;
  while (cluster_.world().now() < end) {
    const std::string value = std::to_string(++writes);
    const absl::Status put = Put("k", value);
    ASSERT_TRUE(put.ok()) << "write " << writes << ": " << put;
    ASSERT_EQ(Get("k"), value);
    cluster_.world().RunFor(seconds(5));
  }
  EXPECT_GT(writes, 100);
  EXPECT_FALSE(AllocatesAnId()) << "there is nobody who could give one";
  for (auto& member : cluster_.pd()) cluster_.StartPd(*member);
  ASSERT_TRUE(
      cluster_.world().RunUntil([&] { return cluster_.PdLeader() != nullptr; }, minutes(1)));
  EXPECT_TRUE(AllocatesAnId());
  EXPECT_EQ(Get("k"), std::to_string(writes));
  EXPECT_TRUE(cluster_.violations().empty());
}

}  // namespace
}  // namespace flotilla::sim
