// Changes of membership at random, as a careless operator would ask for them: members are added as
// learners or at once as voters, promoted, demoted, removed (the leader too) and replaced, one at a
// time or by joint consensus. Who was removed from a store may come back there under another id.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SUPPORT_MEMBER_CHANGER_H_
#define FLOTILLA_TESTS_SUPPORT_MEMBER_CHANGER_H_

#include <optional>

#include "common/env/random.h"
#include "common/raft/conf_change.h"
#include "tests/support/sim_cluster.h"

namespace flotilla::testing {

class MemberChanger {
 public:
  // Regions strive for `voters` voters. `cluster` must outlive this.
  MemberChanger(SimCluster* cluster, size_t voters, env::Random random)
      : cluster_(cluster), voters_(voters), random_(random) {}

  // Asks the leader of a region, if one is known, for some change.
  void Propose();
  // Asks for the end of a joint state that does not end by itself. Returns whether the region is in
  // one.
  bool LeaveJoint(int region);

 private:
  using Step = raft::ConfChangeStep;

  raft::ConfChange Draw(RegionId region, const raft::ConfState& conf);
  void AddMember(RegionId region, const raft::ConfState& conf, raft::ConfChange& change);
  void RemoveMember(const raft::ConfState& conf, raft::ConfChange& change);
  void Promote(const raft::ConfState& conf, raft::ConfChange& change);
  // Another voter, or none, for one that goes.
  void Replace(RegionId region, const raft::ConfState& conf, raft::ConfChange& change);
  PeerId AnyOf(const std::vector<PeerId>& peers) { return peers[random_.Uniform(peers.size())]; }
  // A store without a peer of the region; nullopt: there is none.
  std::optional<StoreId> FreeStore(const raft::ConfState& conf);
  void Ask(int store, int region, raft::ConfChange change);

  SimCluster* const cluster_;
  const size_t voters_;
  env::Random random_;
  uint64_t generation_ = 0;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_MEMBER_CHANGER_H_
