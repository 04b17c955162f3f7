#include "tests/support/raft_promises.h"

#include <algorithm>
#include <variant>

#include "common/base/log.h"

namespace flotilla::testing {

void RaftPromises::OnTerm(Promised& promised, Term term) {
  if (term <= promised.term) return;
  promised.term = term;
  promised.acknowledged = Index();
}

void RaftPromises::OnVote(const net::Envelope& envelope, Term term, PeerId candidate) {
  const PeerId voter = envelope.message.from;
  Promised& promised = promised_[{envelope.region_id, voter}];
  OnTerm(promised, term);
  const auto [vote, is_new] = promised.votes.emplace(term, candidate);
  if (!is_new && vote->second != candidate) {
    violations_->Add(fmt::format("region {} peer {} votes for peers {} and {} in term {}",
                                 envelope.region_id, voter, vote->second, candidate, term));
  }
}

void RaftPromises::OnSend(const net::Envelope& envelope) {
  const raft::Message& message = envelope.message;
  if (const auto* request = std::get_if<raft::VoteRequest>(&message.body)) {
    if (!request->pre_vote) OnVote(envelope, message.term, message.from);
  } else if (const auto* response = std::get_if<raft::VoteResponse>(&message.body)) {
    if (!response->pre_vote && !response->rejected) OnVote(envelope, message.term, message.to);
  } else if (const auto* append = std::get_if<raft::AppendResponse>(&message.body)) {
    Promised& promised = promised_[{envelope.region_id, message.from}];
    OnTerm(promised, message.term);
    if (message.term == promised.term) {
      promised.acknowledged = std::max(promised.acknowledged, append->index);
    }
  }
}

void RaftPromises::OnStart(RegionId region, PeerId peer, const raftlog::GroupState& kept) {
  const auto it = promised_.find({region, peer});
  if (it == promised_.end()) return;
  const Promised& promised = it->second;
  const raft::HardState& state = kept.hard_state;
  if (state.term < promised.term) {
    violations_->Add(fmt::format("region {} peer {} starts in term {} and was in term {}", region,
                                 peer, state.term, promised.term));
  }
  if (state.term == promised.term && kept.last.index < promised.acknowledged) {
    violations_->Add(fmt::format("region {} peer {} has entries up to {} and acknowledged {}",
                                 region, peer, kept.last.index, promised.acknowledged));
  }
  const auto vote = promised.votes.find(state.term);
  if (vote != promised.votes.end() && state.vote != vote->second) {
    violations_->Add(fmt::format("region {} peer {} voted for peer {} in term {} and knows {}",
                                 region, peer, vote->second, state.term, state.vote));
  }
}

}  // namespace flotilla::testing
