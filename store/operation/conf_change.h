// A change of a region's members: adding, promoting, demoting and removing peers. The whole life.
//
//   1. PD asks for it in the answer to a heartbeat (ChangePeer, ChangePeerV2).
//   2. Check, on the leader's raft worker: the epoch is the present one and the change fits.
//   3. Replicated as a raft::ConfChange whose context carries the peers' metadata and the epoch.
//      Several changes at once go through joint consensus, which the leader leaves by itself.
//   4. Apply, on every replica: conf_ver grows by the number of changed peers. A peer that removes
//      itself deletes its data in the same batch and leaves a tombstone state.
//   5. OnApplied: the index, a heartbeat; a removed peer is destroyed (operation/destroy.h).
#ifndef FLOTILLA_STORE_OPERATION_CONF_CHANGE_H_
#define FLOTILLA_STORE_OPERATION_CONF_CHANGE_H_

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/multiraft/state_machine.h"
#include "common/net/envelope.h"
#include "common/raft/conf_change.h"
#include "store/region/region.h"

namespace flotilla::store {

struct PeerChange {
  raft::ConfChangeStep::Type type = raft::ConfChangeStep::Type::kAddVoter;
  metapb::Peer peer;
};

// `epoch` is that of the region for which the change was decided.
raft::ConfChange MakeConfChange(net::Epoch epoch, const std::vector<PeerChange>& changes);

// The region after the change. An error when it does not fit the region as it is: EpochNotMatch,
// FailedPrecondition. Pure: check and application are the same function.
absl::StatusOr<Region> ChangeMembers(const Region& region, const raft::ConfChange& change);

class ConfChangeEffect final : public multiraft::AppliedEffect {
 public:
  ConfChangeEffect(Region region, raft::EntryId at, bool self_removed)
      : region(std::move(region)), at(at), self_removed(self_removed) {}
  const Region region;
  const raft::EntryId at;
  const bool self_removed;
};

// Writes the new state and replaces `region`; sets `removed` when the peer `self` is no longer a
// member.
multiraft::CommandResult ApplyMemberChange(multiraft::ApplyContext& context, PeerId self,
                                           const raft::ConfChange& change, Region& region,
                                           bool& removed);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_OPERATION_CONF_CHANGE_H_
