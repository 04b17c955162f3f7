// Who may grow when some of a region's disks are full.
#include "store/region/disk_room.h"

#include <gtest/gtest.h>

#include <string>

#include "common/env/memory_file_system.h"
#include "common/errors/region_error.h"
#include "tikv/errorpb.pb.h"

namespace flotilla::store {
namespace {

constexpr uint64_t kReserve = 1000;

class DiskRoomTest : public ::testing::Test {
 protected:
  // On stores 1 (this one) to `voters`, and a learner on the next one.
  static Region RegionOf(uint64_t voters) {
    metapb::Region region;
    region.set_id(7);
    for (uint64_t store = 1; store <= voters + 1; ++store) {
      metapb::Peer* peer = region.add_peers();
      peer->set_id(100 + store);
      peer->set_store_id(store);
      if (store > voters) peer->set_role(metapb::Learner);
    }
    return Region(region);
  }
  // The store that the refusal names; 0: the region may grow.
  uint64_t RefusedFor(const Region& region) {
    const absl::Status status = room_.CheckGrowth(region);
    errorpb::Error error;
    if (status.ok() || !errors::ToRegionError(status, &error)) return 0;
    return error.disk_full().store_id(0);
  }
  void Leave(uint64_t free_bytes) {
    files_.SetCapacity(files_.TotalBytes() + free_bytes);
    clock_.Advance(disk::DiskReserve::kInterval);
    reserve_.RunOnce();
  }
  static raft::MessageBody Append(int entries) {
    raft::AppendRequest append;
    append.entries.resize(static_cast<size_t>(entries));
    return append;
  }

  env::ManualClock clock_;
  env::MemoryFileSystem files_;
  metrics::Registry metrics_;
  disk::DiskReserve reserve_{&files_, ".", kReserve, &clock_, &metrics_};
  DiskRoom room_{StoreId(1), &reserve_, &metrics_};
};

TEST_F(DiskRoomTest, AFullStoreGrowsNoRegionThatItLeads) {
  EXPECT_EQ(RefusedFor(RegionOf(3)), 0);
  EXPECT_FALSE(room_.IsFull());
  Leave(0);
  EXPECT_EQ(RefusedFor(RegionOf(3)), 1);
  EXPECT_TRUE(room_.IsFull());
  Leave(2 * kReserve);
  EXPECT_EQ(RefusedFor(RegionOf(3)), 0);
  EXPECT_FALSE(room_.IsFull());
}

TEST_F(DiskRoomTest, AMajorityWithRoomIsNeeded) {
  const Region region = RegionOf(3);
  room_.Heard(StoreId(2), true);
  room_.Heard(StoreId(4), true);  // A learner's, and of no weight.
  EXPECT_EQ(RefusedFor(region), 0);
  room_.Heard(StoreId(3), true);
  EXPECT_EQ(RefusedFor(region), 3);
  EXPECT_EQ(RefusedFor(RegionOf(1)), 0);
  EXPECT_EQ(RefusedFor(RegionOf(2)), 2);
  room_.Heard(StoreId(2), false);
  EXPECT_EQ(RefusedFor(region), 0);
}

TEST_F(DiskRoomTest, EntriesAreTakenUntilTheReserveRunsLow) {
  Leave(0);
  EXPECT_FALSE(room_.Drops(Append(1)));
  Leave(kReserve / 4 - 1);
  EXPECT_TRUE(room_.Drops(Append(1)));
  EXPECT_FALSE(room_.Drops(Append(0)));
  EXPECT_FALSE(room_.Drops(raft::Heartbeat{}));
}

}  // namespace
}  // namespace flotilla::store
