// Every region error survives the way through an absl::Status, with its arm and numbers.

#include "common/errors/region_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tikv/errorpb.pb.h"
#include "tikv/metapb.pb.h"

namespace flotilla::errors {
namespace {

using ::testing::HasSubstr;

errorpb::Error Read(const absl::Status& status) {
  errorpb::Error error;
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(ToRegionError(status, &error)) << status;
  return error;
}

TEST(RegionErrorTest, NotLeaderCarriesTheHint) {
  metapb::Peer leader;
  leader.set_id(12);
  leader.set_store_id(3);
  const errorpb::Error error = Read(NotLeader(RegionId(7), &leader));
  EXPECT_EQ(error.not_leader().region_id(), 7u);
  EXPECT_EQ(error.not_leader().leader().id(), 12u);
  EXPECT_EQ(error.not_leader().leader().store_id(), 3u);
  EXPECT_THAT(error.message(), HasSubstr("region 7"));
}

TEST(RegionErrorTest, NotLeaderWithoutHintHasNoLeaderField) {
  const metapb::Peer unknown;
  EXPECT_FALSE(Read(NotLeader(RegionId(7), nullptr)).not_leader().has_leader());
  EXPECT_FALSE(Read(NotLeader(RegionId(7), &unknown)).not_leader().has_leader());
}

TEST(RegionErrorTest, RegionNotFoundAndNotInitialized) {
  EXPECT_EQ(Read(RegionNotFound(RegionId(9))).region_not_found().region_id(), 9u);
  EXPECT_EQ(Read(RegionNotInitialized(RegionId(9))).region_not_initialized().region_id(), 9u);
}

TEST(RegionErrorTest, KeyNotInRegionNamesKeyAndRange) {
  metapb::Region region;
  region.set_id(5);
  region.set_start_key("b");
  region.set_end_key("d");
  const errorpb::Error error = Read(KeyNotInRegion("a", region));
  EXPECT_EQ(error.key_not_in_region().key(), "a");
  EXPECT_EQ(error.key_not_in_region().region_id(), 5u);
  EXPECT_EQ(error.key_not_in_region().start_key(), "b");
  EXPECT_EQ(error.key_not_in_region().end_key(), "d");
  EXPECT_THAT(error.message(), HasSubstr("key 61 is not in region 5 [62, 64)"));
}

TEST(RegionErrorTest, EpochNotMatchCarriesTheCurrentRegions) {
  metapb::Region left, right;
  left.set_id(1);
  right.set_id(2);
  const errorpb::Error error = Read(EpochNotMatch("was split", {left, right}));
  ASSERT_EQ(error.epoch_not_match().current_regions_size(), 2);
  EXPECT_EQ(error.epoch_not_match().current_regions(1).id(), 2u);
  EXPECT_TRUE(Read(EpochNotMatch("unknown", {})).has_epoch_not_match());
}

TEST(RegionErrorTest, NumbersOfTheOtherArms) {
  EXPECT_EQ(Read(ServerIsBusy("queue", 50)).server_is_busy().backoff_ms(), 50u);
  EXPECT_EQ(Read(ServerIsBusy("queue", 50)).server_is_busy().reason(), "queue");
  EXPECT_TRUE(Read(StaleCommand()).has_stale_command());
  EXPECT_EQ(Read(StoreNotMatch(StoreId(1), StoreId(2))).store_not_match().request_store_id(), 1u);
  EXPECT_EQ(Read(StoreNotMatch(StoreId(1), StoreId(2))).store_not_match().actual_store_id(), 2u);
  EXPECT_EQ(Read(MismatchPeerId(PeerId(1), PeerId(2))).mismatch_peer_id().store_peer_id(), 2u);
  const errorpb::Error large = Read(RaftEntryTooLarge(RegionId(4), 9000, 8000));
  EXPECT_EQ(large.raft_entry_too_large().entry_size(), 9000u);
  EXPECT_THAT(large.message(), HasSubstr("limit of 8000 bytes"));
  EXPECT_EQ(Read(ReadIndexNotReady(RegionId(4), "r")).read_index_not_ready().reason(), "r");
  EXPECT_EQ(Read(DiskFull(StoreId(6), "r")).disk_full().store_id(0), 6u);
}

TEST(RegionErrorTest, UndeterminedIsToldApart) {
  EXPECT_TRUE(IsUndetermined(Undetermined("leader lost")));
  EXPECT_EQ(Read(Undetermined("leader lost")).undetermined_result().message(), "leader lost");
  EXPECT_FALSE(IsUndetermined(StaleCommand()));
  EXPECT_FALSE(IsUndetermined(absl::OkStatus()));
  EXPECT_FALSE(IsUndetermined(absl::UnknownError("no payload")));
}

TEST(RegionErrorTest, DeadlineHasTheMessageThatClientsLookFor) {
  EXPECT_EQ(Read(absl::DeadlineExceededError("any text")).message(), "Deadline is exceeded");
}

TEST(RegionErrorTest, OtherStatusesAreNoRegionErrors) {
  errorpb::Error error;
  EXPECT_FALSE(ToRegionError(absl::OkStatus(), &error));
  EXPECT_FALSE(ToRegionError(absl::InvalidArgumentError("empty key"), &error));
}

TEST(RegionErrorTest, AnyErrorGoesThrough) {
  errorpb::Error error;
  error.mutable_is_witness()->set_region_id(8);
  EXPECT_EQ(Read(FromRegionError(error)).is_witness().region_id(), 8u);
}

}  // namespace
}  // namespace flotilla::errors
