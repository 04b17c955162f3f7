#include "common/multiraft/apply_worker.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/errors/region_error.h"
#include "common/multiraft/command_frame.h"

namespace flotilla::multiraft {

ApplyWorker::ApplyWorker(int number, engine::KvEngine* engine, const Router* router,
                         const env::Clock* clock, HostMetrics* metrics)
    : name_(absl::StrCat("apply-", number)),
      engine_(engine),
      router_(router),
      clock_(clock),
      metrics_(metrics),
      inbox_(std::numeric_limits<size_t>::max()),
      batch_(engine->NewBatch()),
      reports_(router->workers()) {}

ApplyWorker::~ApplyWorker() {
  std::vector<ApplyRound> left;
  inbox_.TakeAll(left);
  for (ApplyRound& round : left) {
    for (ApplyTask& task : round.tasks) {
      auto* entries = std::get_if<ApplyEntries>(&task);
      if (entries == nullptr) continue;
      for (PendingEntry& pending : entries->pending) {
        pending.Answer(errors::Undetermined("the host stopped before the proposal was applied"));
      }
    }
  }
}

void ApplyWorker::Submit(ApplyRound round) {
  queued_bytes_.fetch_add(round.bytes, std::memory_order_relaxed);
  inbox_.PushCompletion(std::move(round));
}

bool ApplyWorker::RunOnce() {
  inbox_.TakeAll(taken_);
  for (ApplyRound& round : taken_) {
    for (ApplyTask& task : round.tasks) {
      std::visit([this](auto& t) { Run(t); }, task);
    }
  }
  WriteBatchOut();
  uint64_t bytes = 0;
  for (const ApplyRound& round : taken_) bytes += round.bytes;
  taken_.clear();
  const uint64_t before = queued_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  metrics_->apply_queue_bytes.Set(static_cast<double>(before - bytes));
  return false;
}

void ApplyWorker::Run(StartApplying& task) {
  auto group = std::make_unique<Group>();
  group->region_id = task.region_id;
  group->incarnation = task.incarnation;
  group->raft_worker = task.raft_worker;
  group->state_machine = std::move(task.state_machine);
  group->applied = task.applied;
  const bool added = groups_.emplace(task.region_id, std::move(group)).second;
  CHECK(added) << "region " << task.region_id << " is started twice";
}

void ApplyWorker::Run(StopApplying& task) {
  WriteBatchOut();
  const Group& group = GroupOf(task.region_id);
  if (task.clears_log) {
    CHECK_OK(group.state_machine->PrepareForLossOfLog()) << "region " << task.region_id;
  }
  router_->worker(group.raft_worker).Push(GroupStopped{task.region_id});
  groups_.erase(task.region_id);
}

void ApplyWorker::Run(ApplyEntries& task) {
  Group& group = GroupOf(task.region_id);
  auto pending = task.pending.begin();
  for (const raft::Entry& entry : task.entries) {
    CHECK_EQ(entry.index, group.applied.index + 1) << "region " << task.region_id;
    PendingEntry* waiting = nullptr;
    if (pending != task.pending.end() && pending->at.index == entry.index) {
      waiting = &*pending++;
      if (!batch_since_) batch_since_ = waiting->since;
    }
    at_ = {entry.term, entry.index};
    if (entry.type == raft::EntryType::kConfChange) {
      ApplyConfChange(group, entry, waiting);
    } else {
      ApplyCommands(group, entry, waiting);
    }
    group.applied = {entry.term, entry.index};
    MarkDirty(group);
    ++batch_entries_;
    if (batch_->ByteSize() >= kMaxBatchBytes) WriteBatchOut();
  }
}

void ApplyWorker::ApplyCommands(Group& group, const raft::Entry& entry, PendingEntry* pending) {
  CommandFrameReader frame(entry.data.view());
  std::string_view command;
  for (size_t i = 0; frame.Next(command); ++i) {
    own_entry_ = i == 0 && frame.AtEnd();
    CommandResult result = group.state_machine->Apply(*this, command);
    ProposalWaiter* waiter = pending != nullptr ? &pending->waiters[i] : nullptr;
    Finish(group, std::move(result), std::nullopt, waiter);
  }
  CHECK_OK(frame.status()) << "region " << group.region_id << " entry " << entry.index;
}

void ApplyWorker::ApplyConfChange(Group& group, const raft::Entry& entry, PendingEntry* pending) {
  absl::StatusOr<raft::ConfChange> change = raft::DecodeConfChange(entry.data.view());
  CHECK_OK(change.status()) << "region " << group.region_id << " entry " << entry.index;
  own_entry_ = true;
  CommandResult result = group.state_machine->ApplyConfChange(*this, *change);
  ProposalWaiter* waiter = pending != nullptr ? &pending->waiters[0] : nullptr;
  Finish(group, std::move(result), *std::move(change), waiter);
}

void ApplyWorker::Finish(Group& group, CommandResult result, std::optional<raft::ConfChange> change,
                         ProposalWaiter* waiter) {
  if (!result.status.ok()) change.reset();
  if (change || result.effect != nullptr) {
    group.events.push_back(
        {.index = at_.index, .conf_change = std::move(change), .effect = std::move(result.effect)});
  }
  if (waiter == nullptr || !waiter->callback) return;
  if (result.status.ok()) {
    answers_.push_back({std::move(waiter->callback), Applied{at_, std::move(result.payload)}});
  } else {
    answers_.push_back({std::move(waiter->callback), std::move(result.status)});
  }
  waiter->callback = nullptr;
}

void ApplyWorker::Run(ApplySnapshot& task) {
  WriteBatchOut();
  Group& group = GroupOf(task.region_id);
  const raft::SnapshotMeta& meta = task.snapshot.meta;
  CHECK_GT(meta.index, group.applied.index) << "region " << task.region_id;
  at_ = {meta.term, meta.index};
  CommandResult result = group.state_machine->InstallSnapshot(task.snapshot);
  CHECK_OK(result.status) << "region " << task.region_id << " snapshot at " << meta.index;
  group.applied = at_;
  if (result.effect != nullptr) {
    group.events.push_back(
        {.index = meta.index, .conf_change = {}, .effect = std::move(result.effect)});
  }
  metrics_->snapshots_installed.Increment();
  Report(group, meta.conf_state);
  SendReports();
}

ApplyWorker::Group& ApplyWorker::GroupOf(RegionId region_id) {
  auto it = groups_.find(region_id);
  CHECK(it != groups_.end()) << "region " << region_id << " is not started here";
  return *it->second;
}

void ApplyWorker::MarkDirty(Group& group) {
  if (group.dirty) return;
  group.dirty = true;
  dirty_.push_back(&group);
}

void ApplyWorker::WriteOut() {
  // The batch holds whole entries only, so that a crash after a flush of what is written now
  // replays from the entry that is being applied:
  //  1. An entry holds cas(k, 1 -> 2) and cas(k, 0 -> 1); k is 0. The first fails, the second sets
  //     k to 1.
  //  2. Were the second one's result flushed before the entry's position, a replay would start with
  //     k = 1: the first would set it to 2 and the second fail.
  CHECK(own_entry_) << "a command that reads must be proposed with own_entry";
  const raft::EntryId at = at_;
  WriteBatchOut();
  at_ = at;
}

void ApplyWorker::WriteBatchOut() {
  if (!dirty_.empty()) {
    for (Group* group : dirty_) {
      at_ = group->applied;
      group->state_machine->PersistApplied(*this, group->applied);
    }
    CHECK_OK(engine_->Write(*batch_)) << "applied entries could not be written";
    metrics_->apply_batch_entries.Observe(static_cast<double>(batch_entries_));
    metrics_->apply_batch_bytes.Observe(static_cast<double>(batch_->ByteSize()));
    if (batch_since_) {
      metrics_->apply_seconds.Observe(env::Seconds(clock_->Now() - *batch_since_));
      batch_since_.reset();
    }
    batch_->Clear();
    batch_entries_ = 0;
  }
  CHECK(batch_->empty()) << "a batch without an applied position";
  for (Answer& answer : answers_) std::move(answer.callback)(std::move(answer.result));
  answers_.clear();
  for (Group* group : dirty_) {
    group->dirty = false;
    Report(*group, std::nullopt);
  }
  dirty_.clear();
  SendReports();
}

void ApplyWorker::Report(Group& group, std::optional<raft::ConfState> installed) {
  reports_[group.raft_worker].push_back({.region_id = group.region_id,
                                         .incarnation = group.incarnation,
                                         .at = group.applied,
                                         .installed = std::move(installed),
                                         .events = std::exchange(group.events, {})});
}

void ApplyWorker::SendReports() {
  for (size_t i = 0; i < reports_.size(); ++i) {
    if (reports_[i].empty()) continue;
    router_->worker(static_cast<int>(i)).Push(AppliedGroups{std::exchange(reports_[i], {})});
  }
}

}  // namespace flotilla::multiraft
