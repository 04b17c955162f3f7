// A store's disk that is replaced by an older copy of itself, in a whole cluster: whatever the
// store promised since is gone, so that PD must not let it start; and with its own disk it goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "common/base/check.h"
#include "common/base/log.h"
#include "tests/sim/cluster.h"

namespace flotilla::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::CrashMoment;
using ::testing::HasSubstr;

class DiskCopyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CHECK_OK(base::SetLogLevel("error"));
    ASSERT_TRUE(cluster_.Start().ok());
    ASSERT_TRUE(cluster_.world().RunUntil(
        [&] {
          const auto led = cluster_.Led();
          return led.size() == 1 && led.front()->region.conf_state().voters.size() == 3;
        },
        minutes(5)));
  }

  static Plan MakePlan() {
    Plan plan = Plan::Draw(1, Profile::kQuiet);
    plan.pd_members = 3;
    plan.stores = 3;
    plan.clients = 1;
    plan.client = {};
    return plan;
  }
  void Put(const std::string& value) {
    bool done = false;
    cluster_.clients().front()->raw().PutAsync("k", value, {}, [&](absl::Status status) {
      EXPECT_TRUE(status.ok()) << status;
      done = true;
    });
    ASSERT_TRUE(cluster_.world().RunUntil([&] { return done; }, minutes(1)));
  }
  StoreNode& store() { return *cluster_.stores().back(); }
  void Kill() { store().Kill(CrashMoment::kBetweenSteps); }
  void ExpectRefused(const Disk& copy) {
    std::unique_ptr<Disk> own = store().ExchangeDisk(copy.Copy());
    for (int attempt = 0; attempt < 3; ++attempt) {
      const absl::Status refused = cluster_.StartStore(store());
      EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition) << refused;
      EXPECT_THAT(std::string(refused.message()), HasSubstr("older copy of itself"));
    }
    store().ExchangeDisk(std::move(own));
    EXPECT_TRUE(cluster_.StartStore(store()).ok()) << "its own disk is taken";
  }

  Cluster cluster_{MakePlan()};
};

TEST_F(DiskCopyTest, FromBeforeTheLastStartIsRefused) {
  Kill();
  const std::unique_ptr<Disk> copy = store().disk().Copy();
  ASSERT_TRUE(cluster_.StartStore(store()).ok());
  Kill();
  ExpectRefused(*copy);
  Put("after");
}

TEST_F(DiskCopyTest, OfARunningStoreIsRefusedOnceItsPositionWasTold) {
  const std::unique_ptr<Disk> copy = store().disk().Copy();
  Put("since");
  cluster_.world().RunFor(store::PositionReport::kInterval + seconds(1));
  Kill();
  // Whoever leads PD then has heard of it as well.
  for (auto& member : cluster_.pd()) {
    if (member->Leading() != nullptr) member->replica().TransferLeadershipAway();
  }
  cluster_.world().RunFor(seconds(5));
  ExpectRefused(*copy);
  EXPECT_TRUE(cluster_.violations().empty());
}

TEST_F(DiskCopyTest, AllStoresAndMembersMayStartAtOnce) {
  for (auto& member : cluster_.pd()) member->Kill();
  for (auto& node : cluster_.stores()) node->Kill(CrashMoment::kBetweenSteps);
  for (auto& member : cluster_.pd()) cluster_.StartPd(*member);
  for (auto& node : cluster_.stores()) {
    const absl::Status started = cluster_.StartStore(*node);
    EXPECT_TRUE(started.ok()) << started;
  }
  Put("after");
}

}  // namespace
}  // namespace flotilla::sim
