#include "tests/support/member_history.h"

#include <iterator>
#include <optional>
#include <variant>
#include <vector>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/raft/membership.h"
#include "common/raft/quorum.h"

namespace flotilla::testing {
namespace {

// Peers as a set of bits: bit i is the i-th of `peers`.
bool IsQuorum(const raft::ConfState& conf, const std::vector<PeerId>& peers, uint64_t set) {
  const auto vote_of = [&](PeerId voter) -> std::optional<bool> {
    for (size_t i = 0; i < peers.size(); ++i) {
      if (peers[i] == voter) return (set >> i & 1) != 0;
    }
    return false;
  };
  return raft::JointVote(conf.voters, conf.voters_outgoing, vote_of) == raft::VoteResult::kWon;
}

std::string VotersOf(const raft::ConfState& conf) {
  std::string text;
  for (const PeerId peer : conf.voters) text += fmt::format(" {}", peer);
  if (!conf.voters_outgoing.empty()) text += " out of";
  for (const PeerId peer : conf.voters_outgoing) text += fmt::format(" {}", peer);
  return text;
}

}  // namespace

bool QuorumsMeet(const raft::ConfState& before, const raft::ConfState& after) {
  std::vector<PeerId> peers = raft::AllVoters(before);
  for (const PeerId peer : raft::AllVoters(after)) {
    if (!raft::IsVoter(before, peer)) peers.push_back(peer);
  }
  CHECK_LT(peers.size(), 20u);
  const uint64_t all = (uint64_t{1} << peers.size()) - 1;
  for (uint64_t set = 0; set <= all; ++set) {
    if (IsQuorum(before, peers, set) && IsQuorum(after, peers, all & ~set)) return false;
  }
  return true;
}

void MemberHistory::OnBootstrap(RegionId region, Index index, const raft::ConfState& conf) {
  groups_[region].emplace(index, Change{conf, {Term(), index}, ++now_});
}

void MemberHistory::OnSend(const net::Envelope& envelope) {
  const auto* append = std::get_if<raft::AppendRequest>(&envelope.message.body);
  if (append == nullptr) return;
  ++now_;
  for (const raft::Entry& entry : append->entries) {
    if (entry.type != raft::EntryType::kConfChange) continue;
    proposed_.try_emplace({envelope.region_id, {entry.term, entry.index}}, now_);
  }
}

void MemberHistory::OnChanged(RegionId region, raft::EntryId at, const raft::ConfState& conf) {
  Changes& changes = groups_[region];
  const auto [change, is_new] = changes.emplace(at.index, Change{conf, at, ++now_});
  if (!is_new) {
    if (change->second.conf != conf || change->second.at.term != at.term) {
      violations_->Add(fmt::format("region {} index {}: members are{} and{}", region, at.index,
                                   VotersOf(change->second.conf), VotersOf(conf)));
    }
    return;
  }
  ++changes_;
  if (change != changes.begin()) CheckNext(region, std::prev(change)->second, change->second);
  const auto next = std::next(change);
  if (next != changes.end()) {
    violations_->Add(fmt::format("region {}: the change at {} comes after the one at {}", region,
                                 at.index, next->first));
  }
}

void MemberHistory::CheckNext(RegionId region, const Change& before, const Change& after) {
  if (!QuorumsMeet(before.conf, after.conf)) {
    violations_->Add(fmt::format("region {} index {}: voters{} may decide without{}", region,
                                 after.at.index, VotersOf(before.conf), VotersOf(after.conf)));
  }
  const auto proposed = proposed_.find({region, after.at});
  if (proposed != proposed_.end() && proposed->second < before.applied_first) {
    violations_->Add(
        fmt::format("region {}: the change at {} was proposed before that at {} was "
                    "applied",
                    region, after.at.index, before.at.index));
  }
}

const raft::ConfState* MemberHistory::At(RegionId region, Index index) const {
  const auto group = groups_.find(region);
  if (group == groups_.end()) return nullptr;
  const auto next = group->second.upper_bound(index);
  return next == group->second.begin() ? nullptr : &std::prev(next)->second.conf;
}

}  // namespace flotilla::testing
