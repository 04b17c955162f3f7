#include "tests/raft/sim/checker.h"

#include <algorithm>
#include <sstream>
#include <variant>

#include "common/base/checksum.h"
#include "common/raft/describe.h"

namespace flotilla::raft::sim {

Checker::Checker(const Hosts* hosts, Time lease, EntryId base)
    : hosts_(hosts), lease_(lease), base_(base) {}

void Checker::Violate(const Host& host, const std::string& what) {
  if (!violation_.empty()) return;
  violation_ = "peer " + std::to_string(host.id.value()) + ": " + what;
}

void Checker::OnStepped(Host& host, Time now) {
  const RawNode& raw = *host.raw;
  if (raw.term() < host.seen_term) Violate(host, "term went back");
  if (raw.commit() < host.seen_commit) Violate(host, "commit index went back");
  host.seen_term = raw.term();
  CheckCommit(host);
  host.seen_commit = raw.commit();
  if (raw.role() == Role::kLeader) CheckLeader(host, now);
  if (lease_ > 0) UpdateLease(host, now);
}

// Election safety: at most one leader a term. A node that starts again must not lead its old term.
void Checker::CheckLeader(Host& host, Time now) {
  const Term term = host.raw->term();
  const std::pair<PeerId, uint64_t> self{host.id, host.incarnation};
  auto [it, first] = leaders_.try_emplace(term, self);
  if (it->second != self) {
    Violate(host, "election safety: term " + std::to_string(term.value()) + " is led by peer " +
                      std::to_string(it->second.first.value()) + " already");
  }
  if (!first) return;
  CheckCompleteness(host);
  for (const auto& other : *hosts_) {
    if (!other->alive() || other->id == host.id || other->raw->role() != Role::kLeader) continue;
    if (other->raw->term() < term && other->lease_until > now) {
      Violate(host, "lease: elected in term " + std::to_string(term.value()) + " while peer " +
                        std::to_string(other->id.value()) + " holds a lease until " +
                        std::to_string(other->lease_until));
    }
  }
}

// Leader completeness: a new leader's log holds every entry that was committed.
void Checker::CheckCompleteness(const Host& host) {
  const RawNode& raw = *host.raw;
  for (size_t i = 0; i < committed_.size(); ++i) {
    const Index index = base_.index + (i + 1);
    const Term term = raw.TermAt(index);
    const bool compacted = index <= host.log.truncated().index;
    if (term == committed_[i] || (term == Term(0) && compacted)) continue;
    Violate(host, "leader completeness: committed entry " +
                      Describe(EntryId{committed_[i], index}) + " is missing, term there is " +
                      std::to_string(term.value()));
    return;
  }
}

void Checker::CheckCommit(Host& host) {
  const RawNode& raw = *host.raw;
  const bool leads = raw.role() == Role::kLeader;
  // A node that joined later starts below what all began with, of which nothing is known here.
  for (Index index = std::max(host.seen_commit, base_.index) + 1; index <= raw.commit(); ++index) {
    const Term term = raw.TermAt(index);
    if (index <= committed()) {
      // State machine safety, already at commit: nobody commits another entry there.
      const Term known = committed_[index - base_.index - 1];
      if (term != Term(0) && term != known) {
        Violate(host, "committed " + Describe(EntryId{term, index}) + " where term " +
                          std::to_string(known.value()) + " is committed");
      }
      continue;
    }
    if (!leads || term == Term(0)) {
      Violate(host, "commits " + std::to_string(index.value()) + ", which no leader committed");
      return;
    }
    committed_.push_back(term);
    if (index == raw.commit()) {
      // Thesis 3.6.2: entries of earlier terms commit only below one of the leader's own.
      if (term != raw.term()) Violate(host, "commits an entry of an earlier term by count");
      CheckDurable(host, {term, index});
    }
    for (const auto& other : *hosts_) {
      if (!other->alive() || other->raw->role() != Role::kLeader) continue;
      if (other->raw->term() <= raw.term()) continue;
      if (other->raw->TermAt(index) != term && index > other->log.truncated().index) {
        Violate(*other, "leader completeness: misses " + Describe(EntryId{term, index}) +
                            ", committed in an earlier term");
      }
    }
  }
}

// What is committed is on the disks of a quorum of each half of the leader's configuration. Counted
// here: what is checked is not asked.
void Checker::CheckDurable(const Host& leader, EntryId entry) {
  const ConfState& conf = leader.raw->conf_state();
  const auto on_quorum = [&](const std::vector<PeerId>& half) {
    const auto holders = std::count_if(half.begin(), half.end(),
                                       [&](PeerId peer) { return HoldsDurably(peer, entry); });
    return half.empty() || 2 * static_cast<size_t>(holders) > half.size();
  };
  if (on_quorum(conf.voters) && on_quorum(conf.voters_outgoing)) return;
  Violate(leader, "durable commit: " + Describe(entry) + " is not on the disks of a quorum of " +
                      Describe(conf));
}

bool Checker::HoldsDurably(PeerId peer, EntryId entry) const {
  for (const auto& host : *hosts_) {
    if (host->id != peer) continue;
    if (entry.index <= host->log.truncated().index) return true;
    absl::StatusOr<Term> term = host->log.TermAt(entry.index);
    return term.ok() && *term == entry.term;
  }
  return false;
}

void Checker::UpdateLease(Host& host, Time now) {
  const RawNode& raw = *host.raw;
  if (raw.role() != Role::kLeader) {
    host.round_began.clear();
    host.lease_until = 0;
    return;
  }
  // As a host does: the clock was read before the round began, at the latest now.
  host.round_began.try_emplace(raw.HeartbeatRound(), now);
  const uint64_t answered = raw.QuorumHeartbeatRound();
  if (answered == 0) {
    host.lease_until = 0;
    return;
  }
  auto it = host.round_began.find(answered);
  if (it == host.round_began.end()) return;  // Dropped below: an older one than known.
  host.lease_until = it->second + lease_;
  host.round_began.erase(host.round_began.begin(), it);
}

void Checker::OnHandedOut(const Host& host, const LogAppend& append) {
  for (const Entry& entry : append.entries) {
    if (entry.index.value() >= logged_.size()) logged_.resize(entry.index.value() + 1);
    const Term previous = host.raw->TermAt(entry.index - 1);
    const uint64_t payload = Xxh3(entry.data.view()) + static_cast<uint64_t>(entry.type);
    std::vector<Logged>& there = logged_[entry.index.value()];
    auto known = std::find_if(there.begin(), there.end(),
                              [&entry](const Logged& l) { return l.term == entry.term; });
    if (known == there.end()) {
      there.push_back({entry.term, previous, payload});
    } else if (known->previous != previous || known->payload != payload) {
      // Log matching: the same term and index mean the same entry and the same log before it.
      Violate(host, "log matching: " + Describe(EntryId{entry.term, entry.index}) +
                        " differs from another log's");
    }
  }
}

void Checker::OnPromise(const Host& host, const Message& message) {
  Promises& promises = promises_[host.id];
  const auto* vote = std::get_if<VoteResponse>(&message.body);
  if (vote != nullptr && vote->pre_vote) return;
  promises.term = std::max(promises.term, message.term);
  if (vote == nullptr || vote->rejected) return;
  auto [it, first] = promises.votes.try_emplace(message.term, message.to);
  if (it->second != message.to) {
    Violate(host, "votes for two candidates in term " + std::to_string(message.term.value()));
  }
}

void Checker::OnRestart(const Host& host) {
  const Promises& promises = promises_[host.id];
  if (host.hard_state.term < promises.term) {
    Violate(host, "term went back by a restart, from " + std::to_string(promises.term.value()) +
                      " to " + std::to_string(host.hard_state.term.value()));
  }
  auto vote = promises.votes.find(host.hard_state.term);
  if (vote != promises.votes.end() && vote->second != host.hard_state.vote) {
    Violate(host, "a vote was forgotten by a restart");
  }
}

void Checker::OnApply(const Host& host, const Entry& entry, uint64_t hash) {
  if (entry.index > committed()) Violate(host, "applies what is not committed");
  auto [it, first] = state_hashes_.try_emplace(entry.index, hash);
  if (it->second != hash) {
    Violate(host, "state machine safety: state differs after " +
                      Describe(EntryId{entry.term, entry.index}));
  }
}

void Checker::OnSnapshot(const Host& host, const AppState& state) {
  auto it = state_hashes_.find(state.at.index);
  if (state.at.index > base_.index && (it == state_hashes_.end() || it->second != state.hash)) {
    Violate(host, "snapshot at " + Describe(state.at) + " is of a state that never was");
  }
}

void Checker::OnRead(Host& host, const ReadState& read) {
  auto it = host.reads.find(read.read_id);
  if (it == host.reads.end()) {
    Violate(host, "a read is answered that was not asked for or was dropped");
    return;
  }
  // Linearizability (thesis 6.4): a read sees all that was committed when it was asked for.
  if (read.index < it->second) {
    Violate(host, "stale read: index " + std::to_string(read.index.value()) + ", but " +
                      std::to_string(it->second.value()) + " was committed when it was asked for");
  }
  host.reads.erase(it);
}

}  // namespace flotilla::raft::sim
