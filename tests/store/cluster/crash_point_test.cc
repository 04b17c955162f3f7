// One story (writes, a split, a peer that comes, one that falls behind, one that goes) told again
// and again, with a store killed at another step of it each time: between any two runs of its
// stages, and right after its log was written when nobody was told. It comes back at once and the
// story goes on; in the end nothing acknowledged is missing and nobody is left who does not belong
// there.
//
// FLOTILLA_CRASH_STRIDE=1 kills at every step; by default at every so many, in turn.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>

#include "tests/store/store_cluster.h"

namespace flotilla::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::CrashMoment;

constexpr int kKeys = 10;
constexpr int kSplitAt = 5;
// The store that gets a peer of the right half, the one that loses its own, and the one that is cut
// off for a while.
constexpr int kNewcomer = 4;
constexpr int kLeaver = 2;
constexpr int kAbsentee = 3;

StoreClusterOptions Options() {
  StoreClusterOptions options;
  options.seed = 3;
  options.stores = 4;
  options.host.max_log_entries = 10;
  options.host.min_truncated_entries = 5;
  options.host.truncate_interval = milliseconds(100);
  options.flush_at_bytes = 1500;
  return options;
}

std::string Key(int i) { return "key" + std::to_string(i); }

pdpb::RegionHeartbeatResponse Change(int store, uint64_t peer, metapb::PeerRole role,
                                     eraftpb::ConfChangeType type) {
  pdpb::RegionHeartbeatResponse instruction;
  metapb::Peer* changed = instruction.mutable_change_peer()->mutable_peer();
  changed->set_id(peer);
  changed->set_store_id(static_cast<uint64_t>(store));
  changed->set_role(role);
  instruction.mutable_change_peer()->set_change_type(type);
  return instruction;
}

class Story {
 public:
  StoreCluster& cluster() { return cluster_; }

  // Kills the store when so many stages have run, and starts it again.
  void CrashAt(uint64_t step, int store, CrashMoment moment) {
    cluster_.world().InterruptAt(step, [this, store, moment] {
      cluster_.Kill(store, moment);
      cluster_.Restart(store);
    });
  }

  void Tell() {
    Write("one");
    // Asked for again as long as it has not happened: who was asked may have died over it.
    Until(
        "the split", [&] { return IsSplit(); }, [&] { cluster_.Split(Key(kSplitAt)); });
    Write("two");
    const auto add = Change(kNewcomer, 204, metapb::Learner, eraftpb::AddLearnerNode);
    Until(
        "the new peer", [&] { return Role(204) != nullptr; }, [&] { Instruct(add); });
    const auto promote = Change(kNewcomer, 204, metapb::Voter, eraftpb::AddNode);
    Until(
        "the new voter", [&] { return Role(204) != nullptr && *Role(204) == metapb::Voter; },
        [&] { Instruct(promote); });
    // One of the others misses more than the logs keep, and gets a snapshot over its old data.
    cluster_.network().Isolate(StoreId(kAbsentee));
    for (int i = 0; i < 4; ++i) Write("three");
    cluster_.world().RunFor(seconds(1));
    cluster_.network().Heal();
    Until(
        "the absentee's return", [&] { return Holds(kAbsentee, "three"); }, [] {});
    const auto remove = Change(kLeaver, 100 + kLeaver, metapb::Voter, eraftpb::RemoveNode);
    Until(
        "the removal", [&] { return Role(100 + kLeaver) == nullptr; }, [&] { Instruct(remove); });
    Write("four");
  }

  // How it must have ended, whatever happened in between.
  void ExpectEnd() {
    Until(
        "everybody in place",
        [&] {
          return cluster_.store(1).index().size() == 2 && cluster_.store(2).index().size() == 1 &&
                 cluster_.store(3).index().size() == 2 && cluster_.store(4).index().size() == 1;
        },
        [] {});
    for (int i = 0; i < kKeys; ++i) EXPECT_EQ(cluster_.Get(Key(i)), "four");
    for (int store = 1; store <= 4; ++store) {
      EXPECT_TRUE(cluster_.RunUntil([&] { return Holds(store, "four"); })) << "store " << store;
    }
    for (const std::string& violation : cluster_.violations().all()) ADD_FAILURE() << violation;
  }

 private:
  void Write(const std::string& value) {
    for (int i = 0; i < kKeys; ++i) EXPECT_TRUE(cluster_.Put(Key(i), value)) << Key(i);
  }

  void Until(const std::string& what, const std::function<bool()>& done,
             const std::function<void()>& ask) {
    for (int attempt = 0; attempt < 30; ++attempt) {
      if (done()) return;
      ask();
      cluster_.RunUntil(done, seconds(3));
    }
    EXPECT_TRUE(done()) << what << " does not happen";
  }

  bool IsSplit() {
    const RegionViewPtr left = cluster_.WaitForLeader(Key(0));
    const RegionViewPtr right = cluster_.WaitForLeader(Key(kKeys - 1));
    return left != nullptr && right != nullptr && left->region.id() != right->region.id();
  }
  void Instruct(const pdpb::RegionHeartbeatResponse& change) {
    if (cluster_.WaitForLeader(Key(kKeys - 1)) != nullptr) {
      cluster_.Instruct(Key(kKeys - 1), change);
    }
  }
  // Of a peer of the right half, as its leader knows it; null when it is no member.
  const metapb::PeerRole* Role(uint64_t peer) {
    const RegionViewPtr leader = cluster_.WaitForLeader(Key(kKeys - 1));
    if (leader == nullptr) return nullptr;
    const metapb::Peer* found = leader->region.FindPeer(PeerId(peer));
    if (found == nullptr) return nullptr;
    role_ = found->role();
    return &role_;
  }
  // The data of a region are where its members are in the end, and nowhere else.
  bool Holds(int store, const std::string& value) {
    for (int i = 0; i < kKeys; ++i) {
      const auto row = cluster_.engine(store).Get(engine::ColumnFamily::kDefault,
                                                  cluster_.codec().Encode(cluster_.RawKey(Key(i))));
      if (!row.ok()) return false;
      const bool is_member = i < kSplitAt ? store != kNewcomer : store != kLeaver;
      const bool holds = row->has_value() && (*row)->find(value) != std::string::npos;
      if (is_member ? !holds : row->has_value()) return false;
    }
    return true;
  }

  metapb::PeerRole role_ = metapb::Voter;
  StoreCluster cluster_{Options()};
};

TEST(CrashPointTest, AStoreMayDieBetweenAnyTwoSteps) {
  Story undisturbed;
  undisturbed.Tell();
  const uint64_t steps = undisturbed.cluster().world().steps();
  undisturbed.ExpectEnd();
  const char* const text = std::getenv("FLOTILLA_CRASH_STRIDE");
  const uint64_t stride = text == nullptr ? 5 : std::strtoull(text, nullptr, 10);
  uint64_t runs = 0;
  for (uint64_t step = 1; step < steps; step += stride) {
    for (int store = 1; store <= 4; ++store) {
      for (const CrashMoment moment : {CrashMoment::kBetweenSteps, CrashMoment::kAfterLogWrite}) {
        // One store of the four at each step, in turn.
        if (stride > 1 && (step / stride + static_cast<uint64_t>(store)) % 4 != 0) continue;
        SCOPED_TRACE("store " + std::to_string(store) + " at step " + std::to_string(step) +
                     (moment == CrashMoment::kAfterLogWrite ? ", its log written" : ""));
        Story story;
        story.CrashAt(step, store, moment);
        story.Tell();
        story.ExpectEnd();
        ++runs;
        if (HasFailure()) return;
      }
    }
  }
  std::cerr << steps << " steps, " << runs << " crashes\n";
}

}  // namespace
}  // namespace flotilla::store
