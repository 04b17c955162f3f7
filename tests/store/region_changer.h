// What a careless PD might ask of the leaders of regions: members added as learners or at once as
// voters, promoted, demoted, removed (the leader too) and replaced, singly or by joint consensus;
// transfers of leadership; splits. Whose peer was removed from a store may get another one there.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_STORE_REGION_CHANGER_H_
#define FLOTILLA_TESTS_STORE_REGION_CHANGER_H_

#include <cstdint>
#include <vector>

#include "common/env/random.h"
#include "tests/store/store_cluster.h"

namespace flotilla::store {

class RegionChanger {
 public:
  struct Wishes {
    // Voters that regions strive for, and how many regions there may be.
    int voters = 3;
    size_t regions = 5;
  };
  // `cluster` must outlive this.
  RegionChanger(StoreCluster* cluster, const Wishes& wishes, env::Random random)
      : cluster_(cluster), wishes_(wishes), random_(random) {}

  // Asks for one change of a region whose leader is known.
  void ChangeMembers();
  void TransferLeader();
  void Split();

 private:
  // A store that believes to lead some region, and the region; null when there is none.
  RegionViewPtr AnyLed();
  void AddMember(const metapb::Region& region, pdpb::ChangePeerV2& changes);
  void RemoveMember(const metapb::Region& region, pdpb::ChangePeerV2& changes);
  void Promote(const metapb::Region& region, pdpb::ChangePeerV2& changes);
  // By joint consensus, in which a voter that goes becomes a learner first.
  void Replace(const metapb::Region& region, pdpb::ChangePeerV2& changes);
  void Instruct(const RegionView& view, pdpb::RegionHeartbeatResponse instruction);
  template <typename Peers>
  const metapb::Peer& AnyOf(const Peers& peers) {
    return *peers[random_.Uniform(peers.size())];
  }

  StoreCluster* const cluster_;
  const Wishes wishes_;
  env::Random random_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_TESTS_STORE_REGION_CHANGER_H_
