#include "common/multiraft/peer.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/planted_bugs.h"
#include "common/errors/region_error.h"
#include "common/multiraft/transferee.h"
#include "common/raft/membership.h"

namespace flotilla::multiraft {
namespace {

env::Duration LeaseLength(const HostConfig& config) {
  const env::Duration safe = config.tick_interval * (config.election_timeout_ticks - 1);
  const double ratio = Planted(Bug::kLeaseTooLong) ? 3 : config.lease_ratio;
  return std::chrono::duration_cast<env::Duration>(safe * ratio);
}

std::shared_ptr<LeaderLease> LeaseOf(const GroupSpec& spec) {
  return spec.lease != nullptr ? spec.lease : std::make_shared<LeaderLease>();
}

bool IsOnlyVoter(PeerId peer, const raft::ConfState& conf_state) {
  return conf_state.voters.size() == 1 && conf_state.voters[0] == peer &&
         conf_state.voters_outgoing.empty();
}

// Is there a change of membership after `applied`? It may have been committed, and the peer may
// have been led by one of the new members, though the data do not know it yet.
bool HasConfChange(const raftlog::LogEngine& engine, RegionId region_id, Index applied,
                   Index last) {
  constexpr uint64_t kPageBytes = 1 << 20;
  for (Index low = applied + 1; low <= last;) {
    auto page = engine.Entries(region_id, low, last + 1, kPageBytes);
    CHECK_OK(page.status()) << "region " << region_id;
    for (const raft::Entry& entry : *page) {
      if (entry.type == raft::EntryType::kConfChange) return true;
    }
    low += page->size();
  }
  return false;
}

// Messages by which a peer hears of a leader and, in answering, may promise it a lease.
bool IsFromLeader(const raft::MessageBody& body) {
  return std::holds_alternative<raft::AppendRequest>(body) ||
         std::holds_alternative<raft::Heartbeat>(body) ||
         std::holds_alternative<raft::InstallSnapshot>(body);
}

}  // namespace

Peer::Peer(GroupSpec spec, PeerEnvironment* environment)
    : region_id_(spec.region_id),
      peer_id_(spec.peer_id),
      incarnation_(++environment->last_incarnation),
      env_(environment),
      delegate_(std::move(spec.delegate)),
      lease_(LeaseOf(spec), LeaseLength(*environment->config)),
      reads_(environment->config->election_timeout_ticks / 2),
      applied_(spec.applied),
      truncation_{.next = {}, .applied = AppliedHistory(applied_.index)} {
  CHECK(delegate_ != nullptr && spec.state_machine != nullptr) << "region " << region_id_;
  ApplyRoundOf().tasks.push_back(StartApplying{
      .region_id = region_id_,
      .incarnation = incarnation_,
      .raft_worker = static_cast<int>(region_id_.value() % env_->config->raft_workers),
      .applied = applied_,
      .state_machine = std::move(spec.state_machine)});
  const uint64_t interval = std::max<int64_t>(1, env_->config->truncate_interval.count());
  truncation_.next = env_->round.now + env::Duration(env_->random.Uniform(interval));
  StartNode(spec);
}

void Peer::StartNode(const GroupSpec& spec) {
  absl::StatusOr<raftlog::GroupState> stored = env_->log_engine->Load(region_id_);
  bool is_new = false;
  if (absl::IsNotFound(stored.status())) {
    stored = raftlog::GroupState{};
    is_new = spec.init_log_if_absent;
  }
  CHECK_OK(stored.status()) << "region " << region_id_;
  if (spec.init_log_if_absent && stored->last == raft::EntryId{}) {
    // The log writer makes this durable before anything that the node will promise. What an earlier
    // peer without a state has promised, a term and a vote, still holds.
    stored->truncated = stored->last = applied_;
    stored->hard_state.term = std::max(stored->hard_state.term, applied_.term);
    stored->hard_state.commit = applied_.index;
    raftlog::LogChange change;
    change.region_id = region_id_;
    change.reset_to = applied_;
    change.hard_state = stored->hard_state;
    env_->round.changes.push_back(std::move(change));
  }
  CHECK(stored->truncated.index <= applied_.index && applied_.index <= stored->last.index)
      << "region " << region_id_ << ": the data are applied to " << applied_.index
      << " but the log holds (" << stored->truncated.index << ", " << stored->last.index << "]";
  // The commit index is not synced for its own sake; what is applied was committed.
  stored->hard_state.commit = std::max(stored->hard_state.commit, applied_.index);

  const raftlog::SharedLogParts shared{.engine = env_->log_engine,
                                       .cache = env_->entry_cache,
                                       .budget = env_->read_budget,
                                       .usage = env_->log_usage};
  log_ = std::make_unique<raftlog::GroupLog>(
      region_id_, *stored, shared,
      [this](PeerId to, Index min_index) { return delegate_->SnapshotFor(to, min_index); });
  const bool only_voter =
      IsOnlyVoter(peer_id_, spec.conf_state) &&
      !HasConfChange(*env_->log_engine, region_id_, applied_.index, stored->last.index);
  const HostConfig& config = *env_->config;
  // Before its restart the peer may have answered a leader, which holds a lease for that.
  const bool may_have_promised = !is_new && !only_voter;
  if (!may_have_promised) ticks_since_leader_ = config.election_timeout_ticks;
  raft::Config node_config{
      .id = peer_id_,
      .election_timeout_ticks = config.election_timeout_ticks,
      .heartbeat_ticks = config.heartbeat_ticks,
      .random_seed = env_->random.Next(),
      .max_append_bytes = config.max_append_bytes,
      .max_inflight_messages = config.max_inflight_messages,
      .max_inflight_bytes = config.max_inflight_bytes,
      .max_uncommitted_bytes = config.max_uncommitted_bytes,
      .max_unapplied_bytes = config.max_unapplied_bytes,
      // It would be told as far as this leader has applied, which it has not at that moment.
      .tell_commits_at_once = false,
      .vote_hold_off_ticks = may_have_promised ? config.election_timeout_ticks : 0,
  };
  auto node = raft::RawNode::Create(node_config, stored->hard_state, spec.conf_state,
                                    applied_.index, log_.get());
  CHECK_OK(node.status()) << "region " << region_id_;
  node_ = *std::move(node);
  term_ = node_->term();
  writes_.term = stored->hard_state.term;
  writes_.vote = stored->hard_state.vote;
  env_->metrics->groups.Increment();

  delegate_->OnStart(this);
  if (only_voter || (is_new && spec.campaign_at_start)) Campaign();
  Touch();
}

Peer::~Peer() {
  if (!retired_) Retire();
  delegate_->OnStop();
}

void Peer::Retire() {
  CHECK(!retired_) << "region " << region_id_;
  retired_ = true;
  if (soft_state_.role == raft::Role::kLeader) env_->metrics->leaders.Decrement();
  env_->metrics->groups.Decrement();
  const absl::Status gone = env_->tenant->GroupNotFound(region_id_);
  for (Proposal& proposal : waiting_proposals_) std::move(proposal.callback)(gone);
  waiting_proposals_.clear();
  proposals_.FailAll();
  reads_.FailAll(gone);
  lease_.OnNotLeader();
}

void Peer::OnAppliedLate(GroupApplied applied) {
  CHECK(retired_) << "region " << region_id_;
  for (AppliedEvent& event : applied.events) {
    if (event.effect != nullptr) delegate_->OnApplied(std::move(event.effect));
  }
}

GroupStatus Peer::Status() const {
  return {.node = node_->Status(),
          .log_truncated = log_->truncated(),
          .pending_proposals = proposals_.size(),
          .pending_reads = reads_.size()};
}

void Peer::Touch() {
  if (touched_ || retired_) return;
  touched_ = true;
  env_->touched.push_back(this);
}

void Peer::Propose(Proposal proposal) {
  if (!proposal.callback) proposal.callback = [](const absl::StatusOr<Applied>&) {};
  if (retired_) return std::move(proposal.callback)(env_->tenant->GroupNotFound(region_id_));
  waiting_proposals_.push_back(std::move(proposal));
  Touch();
}

void Peer::AddRead(ReadRequest read) {
  if (read.deadline <= env_->round.now) {
    std::move(read.callback)(absl::DeadlineExceededError("read came after its deadline"));
    return;
  }
  if (lease_.ValidAt(env_->round.now)) {
    env_->metrics->reads_by_lease.Increment();
    std::move(read.callback)(absl::OkStatus());
    return;
  }
  env_->metrics->reads_by_index.Increment();
  reads_.Add(std::move(read));
  Touch();
}

void Peer::Step(net::Envelope envelope, bool overloaded) {
  const bool accepted = delegate_->AcceptMessage(envelope);
  raft::Message& message = envelope.message;
  const auto* append = std::get_if<raft::AppendRequest>(&message.body);
  if (!accepted || message.to != peer_id_ ||
      (overloaded && append != nullptr && !append->entries.empty())) {
    env_->metrics->messages_dropped.Increment();
    return;
  }
  if (const auto* install = std::get_if<raft::InstallSnapshot>(&message.body)) {
    const absl::Status status = MayReplaceState()
                                    ? delegate_->CheckSnapshot(install->snapshot)
                                    : absl::UnavailableError("what was applied before is not safe");
    if (!status.ok()) {
      LOG_WARN("region {} refuses the snapshot at {} from peer {}: {}", region_id_,
               install->snapshot.meta.index, message.from, status.ToString());
      env_->metrics->messages_dropped.Increment();
      return;
    }
  }
  const bool from_leader = IsFromLeader(message.body) && message.term >= node_->term();
  const bool wants_transfer = std::holds_alternative<raft::TransferLeaderRequest>(message.body);
  if (!node_->Step(std::move(message)).ok()) env_->metrics->messages_dropped.Increment();
  if (from_leader) ticks_since_leader_ = 0;
  if (wants_transfer && node_->lead_transferee() != PeerId()) lease_.OnTransferBegun();
  Touch();
}

// A snapshot brings the group, and not what its log has made besides (DeferCommit): first the log
// is applied, as far as it is known to be committed, and what that has made is flushed, for it
// could not be made again by a log that the snapshot has replaced. The leader will send another
// one.
bool Peer::MayReplaceState() {
  if (applied_.index < node_->commit()) return false;
  if (truncation_.outlives == Index() || delegate_->FlushedApplied() >= truncation_.outlives) {
    return true;
  }
  env_->flusher->MaybeStart(env_->round.now);
  return false;
}

void Peer::Tick() {
  const env::Instant now = env_->round.now;
  const uint64_t round_before = node_->HeartbeatRound();
  node_->Tick();
  ticks_since_leader_ = std::min(ticks_since_leader_ + 1, env_->config->election_timeout_ticks);
  reads_.Tick(now);
  if (!proposals_.empty()) proposals_.Expire(now);
  delegate_->OnTick();
  truncation_.applied.MaybeSample(applied_.index, now);
  if (now >= truncation_.next || env_->log_usage->bytes() > env_->config->max_total_log_bytes) {
    MaybeTruncate();
  }
  // A leader that is alone sends no heartbeats, but its lease goes on with their rounds.
  const bool new_round = node_->HeartbeatRound() != round_before;
  if (node_->HasReady() || reads_.WantsRound() || new_round) Touch();
}

void Peer::OnPersisted(PersistedAppend append) {
  CHECK_GT(writes_.under_way, 0u);
  --writes_.under_way;
  log_->OnPersisted(append.token);
  if (append.snapshot) {
    // Before the node hears of it and hands out entries that follow the snapshot.
    proposals_.OnSnapshot(append.snapshot->meta.index);
    ApplyRoundOf().tasks.push_back(ApplySnapshot{region_id_, *std::move(append.snapshot)});
  }
  node_->OnPersisted(append.token);
  for (raft::Message& message : append.to_self) node_->Step(std::move(message)).IgnoreError();
  Touch();
}

void Peer::OnApplied(GroupApplied applied) {
  if (applied.installed) {
    truncation_.installing = false;
    delegate_->OnConfChanged(*applied.installed);
  }
  // Members and effects (a split) should be the same everywhere soon, and not with the next
  // heartbeat only. Told before the members change: those who are removed should hear of it, and
  // from a leader that removes itself, which leads no more after that, all others must.
  if (!applied.events.empty() && node_->role() == raft::Role::kLeader) {
    node_->TellCommit();
    commit_.told = std::max(commit_.told, applied.at.index);
  }
  for (AppliedEvent& event : applied.events) {
    if (event.conf_change) {
      delegate_->OnConfChanged(node_->ApplyConfChange(*event.conf_change, event.index));
    }
    if (event.effect == nullptr) continue;
    truncation_.outlives = event.index;
    delegate_->OnApplied(std::move(event.effect));
  }
  applied_ = applied.at;
  HandOverBeforeLeavingJoint();
  node_->OnApplied(applied_.index);
  reads_.Serve(applied_.index, env_->round.now);
  TellOwedCommit();
  Touch();
}

// A joint state is left as soon as it is applied, save while leadership is being transferred. Who
// leads and has no vote in the next configuration lets another one leave it.
void Peer::HandOverBeforeLeavingJoint() {
  if (node_->role() != raft::Role::kLeader || !raft::IsJoint(node_->conf_state())) return;
  const raft::NodeStatus status = node_->Status();
  if (const auto successor = SuccessorFor(raft::ConfChange{}, status)) {
    StartTransfer(*successor).IgnoreError();
  }
}

absl::Status Peer::StartTransfer(PeerId target) {
  if (node_->role() != raft::Role::kLeader) return delegate_->NotLeader(node_->leader());
  if (target == peer_id_) return absl::OkStatus();
  const std::vector<PeerId>& voters = node_->conf_state().voters;
  if (std::find(voters.begin(), voters.end(), target) == voters.end()) {
    return absl::InvalidArgumentError(
        fmt::format("peer {} is not a voter of region {}", target, region_id_));
  }
  node_->TransferLeadership(target);
  lease_.OnTransferBegun();
  Touch();
  return absl::OkStatus();
}

// A peer that has answered a leader within the last election timeout may be part of the quorum on
// which that leader's lease stands:
//  1. Of L, A and B, B does not reach L. A answers L's heartbeat; L holds a lease.
//  2. A is told to campaign. B, which hears of no leader, votes for it.
//  3. A leads and acknowledges a write while L serves the old value by its lease.
void Peer::Campaign() {
  if (node_->role() == raft::Role::kLeader) return;
  if (ticks_since_leader_ < env_->config->election_timeout_ticks) {
    LOG_DEBUG("region {} does not campaign: it heard of a leader {} ticks ago", region_id_,
              ticks_since_leader_);
    return;
  }
  node_->Campaign().IgnoreError();
  Touch();
}

void Peer::PutRecords(LogRecords records, DurableCallback done) {
  raftlog::LogChange change;
  change.region_id = region_id_;
  change.records = std::move(records);
  env_->round.changes.push_back(std::move(change));
  if (done) env_->round.durable_callbacks.push_back(std::move(done));
}

void Peer::SendPostponed() {
  node_->SendPostponed();
  Touch();
}

void Peer::ReportSnapshot(PeerId to, bool succeeded) {
  node_->ReportSnapshot(to, succeeded);
  Touch();
}

void Peer::ReportUnreachable(StoreId store_id) {
  if (node_->role() != raft::Role::kLeader) return;
  // The tenant alone knows which peer lives on which store: it addresses an empty message to each.
  for (const auto& [peer, progress] : node_->Status().progress) {
    if (peer == peer_id_) continue;
    net::Envelope probe;
    probe.region_id = region_id_;
    probe.message.from = peer_id_;
    probe.message.to = peer;
    if (delegate_->AddressMessage(probe) && probe.to_store == store_id) {
      node_->ReportUnreachable(peer);
    }
  }
  Touch();
}

void Peer::TruncateTo(Index index) {
  const Index flushed = std::min(delegate_->FlushedApplied(), applied_.index);
  Truncate(std::min(index, flushed));
}

TruncationLimits Peer::LimitsOf() const {
  return {.max_entries = env_->config->max_log_entries,
          .max_bytes = env_->config->max_log_bytes,
          .min_entries = env_->config->min_truncated_entries};
}

void Peer::MaybeTruncate() {
  truncation_.next = env_->round.now + env_->config->truncate_interval;
  Truncate(Tighten(LimitsOf(), *env_->log_usage, env_->config->max_total_log_bytes),
           truncation_.applied.Old());
}

void Peer::TruncateBeforeFlush() {
  TruncationLimits limits = LimitsOf();
  limits.min_entries = 1;
  Truncate(limits, truncation_.applied.Recent());
}

void Peer::Truncate(const TruncationLimits& limits, Index kept_after) {
  // Idle groups stop here: the rest asks the data engine and copies the node's status.
  if (log_->entry_count() < limits.min_entries && log_->footprint() <= limits.max_bytes / 2) return;
  const TruncationView view{.truncated = log_->truncated().index,
                            .entries = log_->entry_count(),
                            .bytes = log_->footprint(),
                            .applied = applied_.index,
                            .flushed = std::min(delegate_->FlushedApplied(), applied_.index),
                            .applied_before = kept_after};
  Truncate(TruncationPoint(view, node_->Status(), limits));
  if (WantsFlush(view, limits)) env_->flusher->MaybeStart(env_->round.now);
}

void Peer::Truncate(Index index) {
  const Index truncated = log_->truncated().index;
  if (truncation_.installing || index <= truncated) return;
  absl::StatusOr<raftlog::LogChange> change = log_->Truncate(index);
  CHECK_OK(change.status()) << "region " << region_id_ << " log truncation to " << index;
  env_->round.changes.push_back(*std::move(change));
  env_->metrics->entries_truncated.Increment(static_cast<double>(index - truncated));
}

ApplyRound& Peer::ApplyRoundOf() {
  return env_->round.apply[region_id_.value() % env_->round.apply.size()];
}

}  // namespace flotilla::multiraft
