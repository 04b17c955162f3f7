#include "tests/support/member_changer.h"

#include <algorithm>
#include <utility>

#include "common/raft/membership.h"

namespace flotilla::testing {

std::optional<StoreId> MemberChanger::FreeStore(const raft::ConfState& conf) {
  std::vector<StoreId> free;
  for (int store = 1; store <= cluster_->stores(); ++store) {
    const StoreId id(store);
    const auto lives_there = [id](PeerId peer) { return StoreOf(peer) == id; };
    const std::vector<PeerId> voters = raft::AllVoters(conf);
    if (std::none_of(voters.begin(), voters.end(), lives_there) &&
        std::none_of(conf.learners.begin(), conf.learners.end(), lives_there)) {
      free.push_back(id);
    }
  }
  if (free.empty()) return std::nullopt;
  return free[random_.Uniform(free.size())];
}

void MemberChanger::AddMember(RegionId region, const raft::ConfState& conf,
                              raft::ConfChange& change) {
  const auto store = FreeStore(conf);
  if (!store) return;
  const auto type = random_.Chance(0.5) ? Step::Type::kAddLearner : Step::Type::kAddVoter;
  change.steps.push_back({type, PeerOf(region, *store, ++generation_)});
}

void MemberChanger::RemoveMember(const raft::ConfState& conf, raft::ConfChange& change) {
  if (!conf.learners.empty() && random_.Chance(0.5)) {
    change.steps.push_back({Step::Type::kRemove, AnyOf(conf.learners)});
  } else if (conf.voters.size() > 1) {
    const auto type = random_.Chance(0.2) ? Step::Type::kAddLearner : Step::Type::kRemove;
    change.steps.push_back({type, AnyOf(conf.voters)});
  }
}

void MemberChanger::Promote(const raft::ConfState& conf, raft::ConfChange& change) {
  if (conf.learners.empty()) return;
  change.steps.push_back({Step::Type::kAddVoter, AnyOf(conf.learners)});
}

void MemberChanger::Replace(RegionId region, const raft::ConfState& conf,
                            raft::ConfChange& change) {
  if (const auto store = FreeStore(conf); store && random_.Chance(0.7)) {
    change.steps.push_back({Step::Type::kAddVoter, PeerOf(region, *store, ++generation_)});
  }
  if (random_.Chance(0.5)) Promote(conf, change);
  RemoveMember(conf, change);
  if (random_.Chance(0.3)) RemoveMember(conf, change);
  change.transition = random_.Chance(0.7) ? raft::ConfChange::Transition::kImplicit
                                          : raft::ConfChange::Transition::kExplicit;
}

raft::ConfChange MemberChanger::Draw(RegionId region, const raft::ConfState& conf) {
  raft::ConfChange change;
  if (random_.Chance(0.3)) {
    Replace(region, conf, change);
  } else if (conf.voters.size() < voters_) {
    if (random_.Chance(0.5)) Promote(conf, change);
    if (change.steps.empty()) AddMember(region, conf, change);
  } else if (random_.Chance(0.6)) {
    RemoveMember(conf, change);
  } else {
    AddMember(region, conf, change);
  }
  return change;
}

void MemberChanger::Propose() {
  const int region = 1 + static_cast<int>(random_.Uniform(cluster_->regions()));
  const int leader = cluster_->LeaderOf(region);
  if (leader == 0 || LeaveJoint(region)) return;
  const auto state = cluster_->store(leader).Storage(RegionId(region)).Load();
  if (!state) return;
  raft::ConfChange change = Draw(RegionId(region), state->conf_state);
  if (!change.steps.empty()) Ask(leader, region, std::move(change));
}

bool MemberChanger::LeaveJoint(int region) {
  const int leader = cluster_->LeaderOf(region);
  if (leader == 0) return false;
  const auto state = cluster_->store(leader).Storage(RegionId(region)).Load();
  if (!state || !raft::IsJoint(state->conf_state) || state->conf_state.auto_leave) return false;
  Ask(leader, region, raft::ConfChange{});
  return true;
}

void MemberChanger::Ask(int store, int region, raft::ConfChange change) {
  multiraft::Proposal proposal;
  proposal.conf_change = std::move(change);
  proposal.callback = [](absl::StatusOr<multiraft::Applied>) {};
  cluster_->store(store).host().Propose(RegionId(region), std::move(proposal));
}

}  // namespace flotilla::testing
