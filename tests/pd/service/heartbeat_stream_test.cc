#include "pd/service/heartbeat_stream.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "tests/pd/leader_fixture.h"

namespace flotilla::pd {
namespace {

class Control final : public rpc::StreamControl {
 public:
  void Wake() override { ++wakes; }
  void Close(absl::Status status) override { closed = std::move(status); }
  std::string peer() const override { return "test"; }

  int wakes = 0;
  std::optional<absl::Status> closed;
};

class HeartbeatStreamTest : public LeaderFixture {
 protected:
  void SetUp() override { Bootstrap(); }

  void Report(uint64_t cluster_id) {
    const RegionPtr region = MakeRegion(2, "", "", {1});
    pdpb::RegionHeartbeatRequest request;
    request.mutable_header()->set_cluster_id(cluster_id);
    *request.mutable_region() = region->meta;
    *request.mutable_leader() = region->leader;
    request.set_term(region->term);
    stream_->OnIncoming(&request);
  }
  std::optional<pdpb::RegionHeartbeatResponse> Next() {
    pdpb::RegionHeartbeatResponse message;
    if (!stream_->FillNext(&message)) return std::nullopt;
    return message;
  }

  std::shared_ptr<Control> control_ = std::make_shared<Control>();
  std::shared_ptr<HeartbeatStream> stream_ =
      std::make_shared<HeartbeatStream>(&heartbeat_api_, control_);
};

TEST_F(HeartbeatStreamTest, ManyReportsAreAcknowledgedByOneWordWithoutARegion) {
  for (int i = 0; i < 3; ++i) Report(ClusterIdNow());
  EXPECT_FALSE(Next().has_value());
  stream_->Acknowledge();
  EXPECT_EQ(control_->wakes, 1);
  const auto word = Next();
  ASSERT_TRUE(word.has_value());
  EXPECT_EQ(word->header().cluster_id(), ClusterIdNow());
  EXPECT_EQ(word->region_id(), 0u);
  EXPECT_FALSE(Next().has_value());
}

TEST_F(HeartbeatStreamTest, NothingIsSaidAboutNoReports) {
  stream_->Acknowledge();
  EXPECT_FALSE(Next().has_value());
  Report(ClusterIdNow());
  stream_->Acknowledge();
  ASSERT_TRUE(Next().has_value());
  stream_->Acknowledge();
  EXPECT_FALSE(Next().has_value());
  EXPECT_EQ(control_->wakes, 1);
}

TEST_F(HeartbeatStreamTest, InstructionsThatWaitDoNotHoldItUp) {
  Report(ClusterIdNow());
  pdpb::RegionHeartbeatResponse instruction;
  instruction.set_region_id(2);
  stream_->Send(instruction);
  stream_->Acknowledge();
  ASSERT_EQ(Next()->region_id(), 0u);
  EXPECT_EQ(Next()->region_id(), 2u);
}

TEST_F(HeartbeatStreamTest, ARefusedReportIsNotAcknowledged) {
  Report(ClusterIdNow() + 1);
  EXPECT_TRUE(control_->closed.has_value());
  stream_->Acknowledge();
  EXPECT_FALSE(Next().has_value());
}

}  // namespace
}  // namespace flotilla::pd
