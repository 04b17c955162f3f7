#include "common/raft/tracker.h"

#include <algorithm>
#include <optional>

#include "common/raft/quorum.h"

namespace flotilla::raft {

Tracker::Tracker(const Config& config, const ConfState& conf, Index last_index)
    : self_(config.id),
      max_inflight_messages_(config.max_inflight_messages),
      max_inflight_bytes_(config.max_inflight_bytes) {
  for (const std::vector<PeerId>* list : {&conf.voters, &conf.voters_outgoing, &conf.learners}) {
    for (PeerId peer : *list) {
      const Index match = peer == self_ ? last_index : Index(0);
      progress_.try_emplace(peer, match, last_index + 1, Window());
    }
  }
  if (Progress* self = Self(); self != nullptr) {
    self->BecomeReplicate();
    self->set_recently_active(true);
  }
}

void Tracker::ChangeTo(const MembershipChange& change, Index last_index) {
  std::erase_if(progress_, [&change](const ProgressMap::value_type& item) {
    return !IsMember(change.conf_state, item.first);
  });
  for (PeerId peer : change.added) {
    progress_.erase(peer);
    // Start from the end of the log: one probe finds out where it really ends.
    const Index next = std::max(last_index, Index(1));
    Progress& progress = progress_.try_emplace(peer, Index(0), next, Window()).first->second;
    // A new member had no chance to speak yet: it must not count against the quorum.
    progress.set_recently_active(true);
  }
}

Progress* Tracker::Find(PeerId peer) {
  auto it = progress_.find(peer);
  return it == progress_.end() ? nullptr : &it->second;
}

const Progress* Tracker::Find(PeerId peer) const {
  auto it = progress_.find(peer);
  return it == progress_.end() ? nullptr : &it->second;
}

Index Tracker::QuorumMatch(const ConfState& conf) const {
  auto match = [this](PeerId peer) -> std::optional<uint64_t> {
    const Progress* progress = Find(peer);
    if (progress == nullptr) return std::nullopt;
    return progress->match().value();
  };
  return Index(JointAcked(conf.voters, conf.voters_outgoing, match));
}

uint64_t Tracker::QuorumRound(const ConfState& conf, uint64_t own) const {
  auto round = [this, own](PeerId peer) -> std::optional<uint64_t> {
    if (peer == self_) return own;
    const Progress* progress = Find(peer);
    if (progress == nullptr) return std::nullopt;
    return progress->answered_round();
  };
  return std::min(own, JointAcked(conf.voters, conf.voters_outgoing, round));
}

bool Tracker::QuorumActive(const ConfState& conf) const {
  auto active = [this](PeerId peer) -> std::optional<bool> {
    const Progress* progress = Find(peer);
    if (progress == nullptr) return std::nullopt;
    return progress->recently_active();
  };
  return JointVote(conf.voters, conf.voters_outgoing, active) == VoteResult::kWon;
}

void Tracker::MarkInactive() {
  for (auto& [peer, progress] : progress_) {
    if (peer != self_) progress.set_recently_active(false);
  }
}

}  // namespace flotilla::raft
