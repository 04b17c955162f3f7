#include "common/multiraft/raft_worker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/log.h"

namespace flotilla::multiraft {

RaftWorker::RaftWorker(int number, WorkerInbox* inbox, WorkerSinks sinks,
                       PeerEnvironment environment)
    : name_(absl::StrCat("raft-", number)),
      inbox_(inbox),
      sinks_(std::move(sinks)),
      entry_cache_(environment.config->entry_cache_bytes / environment.config->raft_workers),
      read_budget_(environment.config->max_round_read_bytes),
      env_(std::move(environment)) {
  env_.transport = sinks_.transport;
  env_.tenant = sinks_.tenant;
  env_.entry_cache = &entry_cache_;
  env_.read_budget = &read_budget_;
  env_.next_read_id = env_.random.Next() >> 1;
  env_.round.apply.resize(sinks_.apply_workers.size());
}

RaftWorker::~RaftWorker() {
  std::vector<PeerMessage> left;
  inbox_->TakeAll(left);
  const absl::Status stopped = absl::UnavailableError("the host is stopping");
  for (PeerMessage& message : left) {
    if (auto* propose = std::get_if<ProposeRequest>(&message)) {
      std::move(propose->proposal.callback)(stopped);
    } else if (auto* read = std::get_if<IndexRead>(&message)) {
      std::move(read->read.callback)(stopped);
    } else if (auto* transfer = std::get_if<TransferRequest>(&message)) {
      std::move(transfer->done)(stopped);
    } else if (auto* inspect = std::get_if<InspectRequest>(&message)) {
      std::move(inspect->done)(stopped);
    }
  }
}

bool RaftWorker::RunOnce() {
  inbox_->TakeAll(taken_);
  read_budget_.BeginRound();
  env_.round.now = env_.clock->Now();
  if (!taken_.empty()) {
    env_.metrics->rounds.Increment();
    env_.metrics->inbox_taken.Set(static_cast<double>(taken_.size()));
    ObserveWait();
  }
  for (PeerMessage& message : taken_) {
    std::visit([this](auto& m) { Handle(m); }, message);
  }
  taken_.clear();
  ReportUnreachableStores();
  ServePostponed();
  // Advancing a peer may touch it again: what it asks of itself is done in the same round.
  for (size_t i = 0; i < env_.touched.size(); ++i) {
    if (env_.touched[i] != nullptr) env_.touched[i]->Advance();
  }
  env_.touched.clear();
  Flush();
  return read_budget_.has_waiting();
}

void RaftWorker::ServePostponed() {
  while (const std::optional<RegionId> region_id = read_budget_.TakeTurn()) {
    if (Peer* peer = Find(*region_id)) peer->SendPostponed();
  }
}

void RaftWorker::ObserveWait() {
  for (const PeerMessage& message : taken_) {
    if (const auto* first = std::get_if<ProposeRequest>(&message)) {
      env_.metrics->propose_seconds.Observe(env::Seconds(env_.round.now - first->came));
      return;
    }
  }
}

// The log writer first: what an entry makes when it is applied, in the log of another group, shall
// not be durable before this group knows that the entry is committed (Peer::DeferCommit).
void RaftWorker::Flush() {
  if (env_.round.HasLogWrite()) SubmitLogWrite();
  for (size_t i = 0; i < env_.round.apply.size(); ++i) {
    ApplyRound& round = env_.round.apply[i];
    if (!round.tasks.empty()) sinks_.apply_workers[i]->Submit(std::exchange(round, {}));
  }
}

void RaftWorker::SubmitLogWrite() {
  Round& round = env_.round;
  raftlog::LogWrite write;
  write.changes = std::exchange(round.changes, {});
  write.on_durable = [envelopes = std::exchange(round.after_durable, {}),
                      appends = std::exchange(round.appends, {}),
                      callbacks = std::exchange(round.durable_callbacks, {}),
                      transport = sinks_.transport, inbox = inbox_]() mutable {
    for (net::Envelope& envelope : envelopes) transport->Send(std::move(envelope));
    if (!appends.empty()) inbox->Push(Persisted{std::move(appends)});
    for (DurableCallback& callback : callbacks) std::move(callback)();
  };
  sinks_.log_writer->Submit(std::move(write));
}

Peer* RaftWorker::Find(RegionId region_id) const {
  auto it = peers_.find(region_id);
  return it == peers_.end() ? nullptr : it->second.get();
}

Peer* RaftWorker::Find(RegionId region_id, Incarnation incarnation) const {
  Peer* peer = Find(region_id);
  return peer != nullptr && peer->incarnation() == incarnation ? peer : nullptr;
}

bool RaftWorker::IsBehind(RegionId region_id, uint64_t times) const {
  const ApplyWorker& applier =
      *sinks_.apply_workers[region_id.value() % sinks_.apply_workers.size()];
  return applier.queued_bytes() > times * env_.config->max_apply_queue_bytes ||
         sinks_.log_writer->queued_bytes() > times * env_.config->max_log_queue_bytes;
}

void RaftWorker::Handle(ProposeRequest& message) {
  Peer* peer = Find(message.region_id);
  if (peer == nullptr) {
    std::move(message.proposal.callback)(sinks_.tenant->GroupNotFound(message.region_id));
  } else if (IsBehind(message.region_id, 1)) {
    env_.metrics->requests_busy.Increment();
    std::move(message.proposal.callback)(sinks_.tenant->Busy());
  } else {
    peer->Propose(std::move(message.proposal));
  }
}

void RaftWorker::Handle(IndexRead& message) {
  if (Peer* peer = Find(message.region_id)) {
    peer->AddRead(std::move(message.read));
  } else {
    std::move(message.read.callback)(sinks_.tenant->GroupNotFound(message.region_id));
  }
}

void RaftWorker::Handle(Received& message) {
  const RegionId region_id = message.envelope.region_id;
  if (Peer* peer = Find(region_id)) {
    peer->Step(std::move(message.envelope), /*overloaded=*/IsBehind(region_id, 2));
  } else if (stopping_.contains(region_id)) {
    env_.metrics->messages_dropped.Increment();
  } else {
    sinks_.tenant->OnMessageToUnknownGroup(std::move(message.envelope));
  }
}

void RaftWorker::Handle(StartGroup& message) {
  const RegionId region_id = message.spec->region_id;
  CHECK(!peers_.contains(region_id) && !stopping_.contains(region_id))
      << "region " << region_id << " is added twice";
  auto peer = std::make_unique<Peer>(std::move(*message.spec), &env_);
  in_order_.push_back(peer.get());
  peers_.emplace(region_id, std::move(peer));
}

void RaftWorker::Handle(StopGroup& message) {
  const RegionId region_id = message.region_id;
  StopRequest request{message.clear_log, std::move(message.records), std::move(message.done), {}};
  auto it = peers_.find(region_id);
  if (it == peers_.end()) {
    CHECK(!stopping_.contains(region_id)) << "region " << region_id << " is removed twice";
    FinishStop(region_id, std::move(request));
    return;
  }
  Peer* peer = it->second.get();
  std::replace(env_.touched.begin(), env_.touched.end(), peer, static_cast<Peer*>(nullptr));
  in_order_.erase(std::find(in_order_.begin(), in_order_.end(), peer));
  request.peer = std::move(it->second);
  peers_.erase(it);
  peer->Retire();
  // The log is cleared only when no entry of the group is under way to the data any more.
  env_.round.apply[region_id.value() % env_.round.apply.size()].tasks.push_back(
      StopApplying{region_id, request.clear_log});
  stopping_.emplace(region_id, std::move(request));
}

void RaftWorker::Handle(GroupStopped& message) {
  auto it = stopping_.find(message.region_id);
  CHECK(it != stopping_.end()) << "region " << message.region_id << " was not being stopped";
  StopRequest request = std::move(it->second);
  stopping_.erase(it);
  request.peer.reset();
  FinishStop(message.region_id, std::move(request));
}

void RaftWorker::FinishStop(RegionId region_id, StopRequest request) {
  if (request.clear_log || !request.records.empty()) {
    raftlog::LogChange change;
    change.region_id = region_id;
    change.clear = request.clear_log;
    change.records = std::move(request.records);
    env_.round.changes.push_back(std::move(change));
  }
  if (request.done) env_.round.durable_callbacks.push_back(std::move(request.done));
}

void RaftWorker::Handle(TransferRequest& message) {
  Peer* peer = Find(message.region_id);
  absl::Status status = peer != nullptr ? peer->StartTransfer(message.target)
                                        : sinks_.tenant->GroupNotFound(message.region_id);
  if (message.done) std::move(message.done)(std::move(status));
}

void RaftWorker::Handle(CampaignRequest& message) {
  if (Peer* peer = Find(message.region_id)) peer->Campaign();
}

void RaftWorker::Handle(TruncateRequest& message) {
  if (Peer* peer = Find(message.region_id)) peer->TruncateTo(message.index);
}

void RaftWorker::Handle(TruncateAll& message) { truncations_.push_back(std::move(message)); }

void RaftWorker::TruncateAllInTime() {
  const auto due = std::partition(
      truncations_.begin(), truncations_.end(),
      [this](const TruncateAll& waiting) { return waiting.not_before > env_.round.now; });
  if (due == truncations_.end()) return;
  for (Peer* peer : in_order_) peer->TruncateBeforeFlush();
  for (auto it = due; it != truncations_.end(); ++it) {
    env_.round.durable_callbacks.push_back(std::move(it->done));
  }
  truncations_.erase(due, truncations_.end());
}

void RaftWorker::Handle(SnapshotReport& message) {
  if (Peer* peer = Find(message.region_id)) peer->ReportSnapshot(message.to, message.succeeded);
}

void RaftWorker::Handle(UnreachableReport& message) {
  // A transport reports each message that it drops; the peers need to hear it once.
  if (std::find(unreachable_.begin(), unreachable_.end(), message.store_id) == unreachable_.end()) {
    unreachable_.push_back(message.store_id);
  }
}

void RaftWorker::ReportUnreachableStores() {
  for (StoreId store_id : unreachable_) {
    for (Peer* peer : in_order_) peer->ReportUnreachable(store_id);
  }
  unreachable_.clear();
}

void RaftWorker::Handle(InspectRequest& message) {
  if (Peer* peer = Find(message.region_id)) {
    std::move(message.done)(peer->Status());
  } else {
    std::move(message.done)(sinks_.tenant->GroupNotFound(message.region_id));
  }
}

void RaftWorker::Handle(PeerWork& message) {
  if (Peer* peer = Find(message.region_id)) std::move(message.work)(peer->delegate(), *peer);
}

void RaftWorker::Handle(TickAll&) {
  env_.metrics->log_bytes.Set(static_cast<double>(env_.log_usage->bytes()));
  for (Peer* peer : in_order_) peer->Tick();
  TruncateAllInTime();
}

void RaftWorker::Handle(Persisted& message) {
  for (PersistedAppend& append : message.appends) {
    if (Peer* peer = Find(append.region_id, append.incarnation)) {
      peer->OnPersisted(std::move(append));
    }
  }
}

void RaftWorker::Handle(AppliedGroups& message) {
  for (GroupApplied& applied : message.groups) {
    if (Peer* peer = Find(applied.region_id, applied.incarnation)) {
      peer->OnApplied(std::move(applied));
    } else if (const auto it = stopping_.find(applied.region_id);
               it != stopping_.end() && it->second.peer->incarnation() == applied.incarnation) {
      it->second.peer->OnAppliedLate(std::move(applied));
    }
  }
}

}  // namespace flotilla::multiraft
