#include "store/operation/conf_change.h"

#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/base/coding.h"
#include "common/base/planted_bugs.h"
#include "common/base/status_macros.h"
#include "store/region/region_storage.h"

namespace flotilla::store {
namespace {

using StepType = raft::ConfChangeStep::Type;

metapb::Peer* FindMutablePeer(metapb::Region& region, uint64_t id) {
  for (auto& peer : *region.mutable_peers()) {
    if (peer.id() == id) return &peer;
  }
  return nullptr;
}

absl::Status Unfit(const metapb::Region& region, const metapb::Peer& peer, std::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("peer ", peer.id(), " of region ", region.id(), ": ", std::string(why)));
}

absl::Status AddPeer(metapb::Region& region, const metapb::Peer& peer, metapb::PeerRole role) {
  // It could never be reached, and its vote would be missing for ever.
  if (peer.id() == 0 || peer.store_id() == 0) {
    return Unfit(
        region, peer,
        absl::StrCat("a peer with an id on a store with one is wanted, not on ", peer.store_id()));
  }
  for (const auto& other : region.peers()) {
    if (other.store_id() == peer.store_id()) {
      return Unfit(region, peer, absl::StrCat("store ", peer.store_id(), " has peer ", other.id()));
    }
  }
  metapb::Peer* added = region.add_peers();
  *added = peer;
  added->set_role(role);
  return absl::OkStatus();
}

absl::Status RemovePeer(metapb::Region& region, const metapb::Peer& peer, bool joint) {
  for (int i = 0; i < region.peers_size(); ++i) {
    if (region.peers(i).id() != peer.id()) continue;
    if (joint && region.peers(i).role() != metapb::Learner) {
      return Unfit(region, peer, "a voter is demoted before it is removed by a joint change");
    }
    region.mutable_peers()->DeleteSubrange(i, 1);
    return absl::OkStatus();
  }
  return Unfit(region, peer, "not a member");
}

absl::Status ApplyStep(metapb::Region& region, StepType type, const metapb::Peer& peer,
                       bool joint) {
  metapb::Peer* present = FindMutablePeer(region, peer.id());
  switch (type) {
    case StepType::kAddVoter: {
      const auto role = joint ? metapb::IncomingVoter : metapb::Voter;
      if (present == nullptr) return AddPeer(region, peer, role);
      if (present->role() != metapb::Learner) return Unfit(region, peer, "a voter already");
      present->set_role(role);
      return absl::OkStatus();
    }
    case StepType::kAddLearner:
      if (present == nullptr) return AddPeer(region, peer, metapb::Learner);
      if (present->role() == metapb::Learner) return Unfit(region, peer, "a learner already");
      present->set_role(joint ? metapb::DemotingVoter : metapb::Learner);
      return absl::OkStatus();
    case StepType::kRemove:
      return RemovePeer(region, peer, joint);
    default:
      return Unfit(region, peer, "a change of an unknown type");
  }
}

absl::StatusOr<Region> LeaveJointState(const Region& region) {
  metapb::Region meta = region.meta();
  uint64_t changed = 0;
  for (auto& peer : *meta.mutable_peers()) {
    if (peer.role() == metapb::IncomingVoter) {
      peer.set_role(metapb::Voter);
    } else if (peer.role() == metapb::DemotingVoter) {
      peer.set_role(metapb::Learner);
    } else {
      continue;
    }
    ++changed;
  }
  if (changed == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("region ", region.id().value(), " is in no joint state"));
  }
  meta.mutable_region_epoch()->set_conf_ver(meta.region_epoch().conf_ver() + changed);
  return Region(std::move(meta));
}

struct ChangeContext {
  net::Epoch epoch;
  std::vector<metapb::Peer> peers;  // One a step.
};

absl::StatusOr<ChangeContext> DecodeContext(std::string_view data) {
  ChangeContext context;
  bool well_formed =
      GetVarint64(data, context.epoch.conf_ver) && GetVarint64(data, context.epoch.version);
  while (well_formed && !data.empty()) {
    std::string_view encoded;
    metapb::Peer peer;
    well_formed = GetLengthPrefixed(data, encoded) &&
                  peer.ParseFromArray(encoded.data(), static_cast<int>(encoded.size()));
    context.peers.push_back(std::move(peer));
  }
  if (!well_formed) return absl::DataLossError("malformed context of a conf change");
  return context;
}

}  // namespace

raft::ConfChange MakeConfChange(net::Epoch epoch, const std::vector<PeerChange>& changes) {
  raft::ConfChange change;
  change.transition = changes.size() > 1 ? raft::ConfChange::Transition::kImplicit
                                         : raft::ConfChange::Transition::kAuto;
  std::string context;
  PutVarint64(context, epoch.conf_ver);
  PutVarint64(context, epoch.version);
  for (const PeerChange& item : changes) {
    change.steps.push_back({item.type, PeerId(item.peer.id())});
    PutLengthPrefixed(context, item.peer.SerializeAsString());
  }
  change.context = Bytes(std::move(context));
  return change;
}

absl::StatusOr<Region> ChangeMembers(const Region& region, const raft::ConfChange& change) {
  if (change.LeavesJoint()) return LeaveJointState(region);
  ASSIGN_OR_RETURN(const ChangeContext context, DecodeContext(change.context.view()));
  if (context.peers.size() != change.steps.size()) {
    return absl::DataLossError("a conf change without metadata for each of its steps");
  }
  // A split between decision and application changes the version and not the members.
  RETURN_IF_ERROR(region.CheckEpoch({context.epoch.conf_ver, region.version()}));
  if (region.InJointState()) {
    return absl::FailedPreconditionError(
        absl::StrCat("region ", region.id().value(), " is in a joint state already"));
  }
  const bool joint = change.transition != raft::ConfChange::Transition::kAuto;
  metapb::Region meta = region.meta();
  for (size_t i = 0; i < change.steps.size(); ++i) {
    RETURN_IF_ERROR(ApplyStep(meta, change.steps[i].type, context.peers[i], joint));
  }
  if (!Planted(Bug::kChangeKeepsConfVer)) {
    meta.mutable_region_epoch()->set_conf_ver(meta.region_epoch().conf_ver() + change.steps.size());
  }
  Region changed(std::move(meta));
  if (changed.conf_state().voters.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the change would leave region ", region.id().value(), " without a voter"));
  }
  return changed;
}

multiraft::CommandResult ApplyMemberChange(multiraft::ApplyContext& context, PeerId self,
                                           const raft::ConfChange& change, Region& region,
                                           bool& removed) {
  multiraft::CommandResult result;
  auto changed = ChangeMembers(region, change);
  if (!changed.ok()) {
    result.status = std::move(changed).status();
    return result;
  }
  region = *std::move(changed);
  removed = region.FindPeer(self) == nullptr;
  if (removed) {
    // The range is this peer's until the tombstone is durable, so nobody else's data are in it.
    if (!Planted(Bug::kRemovedDataStay)) DeleteData(context.batch(), region.range());
    PutRegionState(context.batch(),
                   {RegionState::Kind::kTombstone, self, region.meta(), context.at()});
  } else {
    PutRegionState(context.batch(), {RegionState::Kind::kNormal, self, region.meta()});
  }
  result.effect = std::make_unique<ConfChangeEffect>(region, context.at(), removed);
  return result;
}

}  // namespace flotilla::store
