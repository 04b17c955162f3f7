// The fault atlas: which stores' data are lost, and which may be lost besides, so that what
// happens is something that the protocol promises to survive and every violation is a bug.
//
// A region survives the loss of a minority of its voters. Losses count from the moment on at which
// data are damaged or gone until a change of members has replaced the peer. What may still become
// the region's members counts like what they are: a store is not given up while a change is in some
// log and not applied, or was asked for and may still come.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_FAULT_ATLAS_H_
#define FLOTILLA_TESTS_SIM_FAULT_ATLAS_H_

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "tests/sim/node/store_node.h"

namespace flotilla::sim {

class FaultAtlas {
 public:
  using Stores = std::vector<std::unique_ptr<StoreNode>>;

  // PD keeps so many replicas, and takes none away while it has fewer.
  explicit FaultAtlas(uint32_t max_replicas) : max_replicas_(max_replicas) {}

  // May all that `victim` has be lost now?
  bool MayLose(const Stores& stores, const StoreNode& victim) const;
  // May a part of it be damaged, which nobody knows for a while? Until it is found, PD may put the
  // store in the place of one that was lost before: then none may be missing anywhere.
  bool MayDamage(const Stores& stores, const StoreNode& victim) const;
  // All that the store has is lost, or cannot be trusted.
  void OnLost(StoreId store) { lost_.insert(store); }
  // Is a member on a store that is lost? Who changes members regardless must leave it alone.
  bool HasLost(const metapb::Region& region) const;
  // Somebody else than PD asked for a change of the region's members as of this epoch.
  void OnChangeAskedFor(const metapb::Region& region);
  const std::set<StoreId>& lost() const { return lost_; }

 private:
  using Regions = std::map<RegionId, metapb::Region>;

  // Of each region the newest state that any store has.
  Regions Newest(const Stores& stores) const;
  bool Survives(const metapb::Region& region, StoreId loss) const;
  // Changes of members that are in some log and not applied there.
  static std::set<RegionId> Changing(const StoreNode& node);

  const uint32_t max_replicas_;
  std::set<StoreId> lost_;
  // By region, the conf_ver of the last change that was asked for.
  std::map<RegionId, uint64_t> asked_for_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_FAULT_ATLAS_H_
