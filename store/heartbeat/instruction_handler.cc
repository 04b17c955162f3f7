#include "store/heartbeat/instruction_handler.h"

#include <string>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "store/operation/conf_change.h"

namespace flotilla::store {
namespace {

constexpr env::Duration kProposalTimeout = std::chrono::seconds(10);

raft::ConfChangeStep::Type StepTypeOf(eraftpb::ConfChangeType type) {
  switch (type) {
    case eraftpb::RemoveNode:
      return raft::ConfChangeStep::Type::kRemove;
    case eraftpb::AddLearnerNode:
      return raft::ConfChangeStep::Type::kAddLearner;
    default:
      return raft::ConfChangeStep::Type::kAddVoter;
  }
}

}  // namespace

void InstructionHandler::OnHeartbeatStreamUp() { on_.manager->ReportAll(); }

void InstructionHandler::OnInstruction(pdpb::RegionHeartbeatResponse instruction) {
  const RegionId region_id(instruction.region_id());
  const RegionViewPtr view = on_.manager->index().Find(region_id);
  if (view == nullptr) return;
  const net::Epoch epoch{instruction.region_epoch().conf_ver(),
                         instruction.region_epoch().version()};
  const bool for_other_peer =
      instruction.has_target_peer() && instruction.target_peer().id() != view->self.id();
  if (epoch != view->region.epoch() || for_other_peer) {
    LOG_DEBUG("region {}: an instruction of PD's is out of date", region_id);
    return;
  }
  if (instruction.has_change_peer()) {
    pdpb::ChangePeerV2 changes;
    *changes.add_changes() = std::move(*instruction.mutable_change_peer());
    ChangeMembers(*view, changes);
  } else if (instruction.has_change_peer_v2()) {
    ChangeMembers(*view, instruction.change_peer_v2());
  } else if (instruction.has_transfer_leader()) {
    TransferLeader(*view, instruction.transfer_leader());
  } else if (instruction.has_split_region()) {
    Split(view, instruction.split_region());
  }
}

void InstructionHandler::ChangeMembers(const RegionView& view, const pdpb::ChangePeerV2& changes) {
  // No changes: "leave the joint state", which leaders do by themselves.
  if (changes.changes().empty()) return;
  std::vector<PeerChange> steps;
  for (const pdpb::ChangePeer& change : changes.changes()) {
    steps.push_back({StepTypeOf(change.change_type()), change.peer()});
  }
  const RegionId region_id = view.region.id();
  multiraft::Proposal proposal;
  proposal.conf_change = MakeConfChange(view.region.epoch(), steps);
  proposal.epoch_version = view.region.version();
  proposal.deadline = on_.clock->Now() + kProposalTimeout;
  proposal.callback = [region_id](absl::StatusOr<multiraft::Applied> applied) {
    if (applied.ok()) return;
    LOG_INFO("region {}: PD's change of members was not made: {}", region_id,
             applied.status().ToString());
  };
  on_.host->Propose(region_id, std::move(proposal));
}

void InstructionHandler::TransferLeader(const RegionView& view,
                                        const pdpb::TransferLeader& transfer) {
  const metapb::Peer& target =
      transfer.peers().empty() || transfer.has_peer() ? transfer.peer() : transfer.peers(0);
  on_.host->TransferLeadership(view.region.id(), PeerId(target.id()),
                               [id = view.region.id()](absl::Status status) {
                                 if (!status.ok())
                                   LOG_INFO("region {}: no transfer: {}", id, status.ToString());
                               });
}

void InstructionHandler::Split(const RegionViewPtr& view, const pdpb::SplitRegion& split) {
  if (split.policy() != pdpb::USEKEY) {
    on_.split_checker->Check(view, /*force=*/true);
    return;
  }
  std::vector<std::string> keys(split.keys().begin(), split.keys().end());
  on_.splitter->Split(
      view, std::move(keys),
      [id = view->region.id()](absl::StatusOr<std::vector<metapb::Region>> regions) {
        if (!regions.ok()) LOG_INFO("region {}: no split: {}", id, regions.status().ToString());
      });
}

}  // namespace flotilla::store
