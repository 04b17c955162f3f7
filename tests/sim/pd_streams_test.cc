// Streams to PD that stand still though their connections live: PD hears of regions again, clients
// get their timestamps, and streams that are well are left alone.
#include <gmock/gmock.h>
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
using ::testing::HasSubstr;

class PdStreamsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CHECK_OK(base::SetLogLevel("error"));
    ASSERT_TRUE(cluster_.Start().ok());
    ASSERT_TRUE(cluster_.world().RunUntil([this] { return Reported() != nullptr; }, minutes(1)));
  }

  static Plan MakePlan() {
    Plan plan = Plan::Draw(1, Profile::kQuiet);
    plan.pd_members = 1;
    plan.stores = 1;
    plan.clients = 1;
    plan.client = {};
    return plan;
  }
  PdNode& pd() { return *cluster_.pd().front(); }
  StoreNode& store() { return *cluster_.stores().front(); }

  // What the leader of the first region reported last: another object after each report.
  pd::RegionPtr Reported() {
    const std::shared_ptr<pd::LeaderState> state = pd().Leading();
    const pd::RegionPtr region = state == nullptr ? nullptr : state->cluster.GetRegionByKey("");
    return region == nullptr || !region->HasLeader() ? nullptr : region;
  }
  static std::string Stalled(int times) {
    return "flotilla_pd_client_streams_stalled_total{stream=\"region_heartbeat\"} " +
           std::to_string(times);
  }

  Cluster cluster_{MakePlan()};
};

TEST_F(PdStreamsTest, PdHearsOfRegionsAgainOnAnotherStream) {
  cluster_.fabric().StandStill(store().host(), pd().host());
  const pd::RegionPtr before = Reported();
  // A region reports once a minute; this one's first report is lost.
  EXPECT_TRUE(cluster_.world().RunUntil([&] { return Reported() != before; }, seconds(75)));
  EXPECT_THAT(store().metrics().ToText(), HasSubstr(Stalled(1)));
  cluster_.world().RunFor(minutes(5));
  EXPECT_THAT(store().metrics().ToText(), HasSubstr(Stalled(1))) << "the new one is well";
}

TEST_F(PdStreamsTest, StreamsThatAreWellAreKept) {
  const pd::RegionPtr before = Reported();
  cluster_.world().RunFor(minutes(10));
  EXPECT_NE(Reported(), before);
  EXPECT_THAT(store().metrics().ToText(), HasSubstr(Stalled(0)));
}

TEST_F(PdStreamsTest, TimestampsComeFromAnotherStream) {
  ClientNode& client = *cluster_.clients().front();
  const auto wait = [&] {
    std::optional<absl::Status> result;
    const env::Instant start = cluster_.world().now();
    client.pd().GetTimestamps(
        1, [&](absl::StatusOr<pdclient::Timestamp> got) { result = got.status(); });
    cluster_.world().RunUntil([&] { return result.has_value(); }, minutes(1));
    EXPECT_EQ(result, absl::OkStatus());
    return cluster_.world().now() - start;
  };
  EXPECT_LT(wait(), seconds(1));
  cluster_.fabric().StandStill(client.host(), pd().host());
  const env::Duration waited = wait();
  EXPECT_GE(waited, seconds(3));
  EXPECT_LT(waited, seconds(4));
  EXPECT_LT(wait(), seconds(1));
}

}  // namespace
}  // namespace flotilla::sim
