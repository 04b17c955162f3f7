#include "pd/schedule/peer_id_pool.h"

#include <gtest/gtest.h>

namespace flotilla::pd {
namespace {

TEST(PeerIdPoolTest, GivesIdsInOrder) {
  PeerIdPool pool;
  EXPECT_EQ(pool.TakeAbove(0), PeerId());
  ASSERT_TRUE(pool.BeginRefill());
  EXPECT_FALSE(pool.BeginRefill());
  pool.OnRefilled(100);
  EXPECT_EQ(pool.TakeAbove(0), PeerId(100));
  EXPECT_EQ(pool.TakeAbove(50), PeerId(101));
}

// Seed 73 of the simulator: ids were kept while splits and others took newer ones. A region's new
// learner had an older id than the peer that it replaced, whose store ignored it for ever.
TEST(PeerIdPoolTest, IdsThatAreTooOldAreGivenUp) {
  PeerIdPool pool;
  ASSERT_TRUE(pool.BeginRefill());
  pool.OnRefilled(100);
  EXPECT_EQ(pool.TakeAbove(103), PeerId(104));
  EXPECT_EQ(pool.TakeAbove(99 + PeerIdPool::kRefill), PeerId());
  EXPECT_TRUE(pool.BeginRefill());
}

TEST(PeerIdPoolTest, UnneededIdsAreNotKept) {
  PeerIdPool pool;
  ASSERT_TRUE(pool.BeginRefill());
  pool.OnRefilled(100);
  pool.Clear();
  EXPECT_EQ(pool.TakeAbove(0), PeerId());
  EXPECT_TRUE(pool.BeginRefill());
}

}  // namespace
}  // namespace flotilla::pd
