// The stage that applies committed entries of many groups: one engine write for all that waits, up
// to a bound of bytes, with each group's applied position in the same batch.
//
// Thread: its own; it owns the state machines of its groups. Place in the pipeline: RaftWorker ->
// ApplyWorker -> callbacks of the proposals, then Applied -> RaftWorker.
#ifndef FLOTILLA_COMMON_MULTIRAFT_APPLY_WORKER_H_
#define FLOTILLA_COMMON_MULTIRAFT_APPLY_WORKER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/engine/kv_engine.h"
#include "common/env/inbox.h"
#include "common/env/stage.h"
#include "common/multiraft/apply_task.h"
#include "common/multiraft/host_metrics.h"
#include "common/multiraft/router.h"
#include "common/multiraft/state_machine.h"

namespace flotilla::multiraft {

class ApplyWorker final : public env::Stage, private ApplyContext {
 public:
  // Bytes of an engine write after which the next one is begun.
  static constexpr size_t kMaxBatchBytes = 1 << 20;

  // What is pointed to must outlive the worker.
  ApplyWorker(int number, engine::KvEngine* engine, const Router* router, const env::Clock* clock,
              HostMetrics* metrics);
  // Proposals whose entries still wait become undetermined.
  ~ApplyWorker() override;

  void SetWaker(env::Waker* waker) { inbox_.SetWaker(waker); }

  // Thread-safe. Never refuses: raft workers look at queued_bytes() before they let more in.
  void Submit(ApplyRound round);
  // Bytes of entries submitted and not applied yet. Thread-safe.
  uint64_t queued_bytes() const { return queued_bytes_.load(std::memory_order_relaxed); }

  std::string_view name() const override { return name_; }
  bool RunOnce() override;

 private:
  struct Group {
    RegionId region_id;
    Incarnation incarnation;
    int raft_worker = 0;
    std::unique_ptr<StateMachine> state_machine;
    raft::EntryId applied;
    bool dirty = false;  // Listed in dirty_: applied moved since the last write.
    std::vector<AppliedEvent> events;
  };
  struct Answer {
    ProposalCallback callback;
    absl::StatusOr<Applied> result;
  };

  // ApplyContext, for the state machine that is being called.
  raft::EntryId at() const override { return at_; }
  engine::WriteBatch& batch() override { return *batch_; }
  void WriteOut() override;

  void Run(StartApplying& task);
  void Run(ApplyEntries& task);
  void Run(ApplySnapshot& task);
  void Run(StopApplying& task);
  void ApplyCommands(Group& group, const raft::Entry& entry, PendingEntry* pending);
  void ApplyConfChange(Group& group, const raft::Entry& entry, PendingEntry* pending);
  // Keeps the answer until its writes are visible, and the effect for the raft worker.
  void Finish(Group& group, CommandResult result, std::optional<raft::ConfChange> change,
              ProposalWaiter* waiter);
  Group& GroupOf(RegionId region_id);
  void MarkDirty(Group& group);

  // Writes the batch with the applied positions of its groups, then answers and reports. REQUIRES:
  // between two entries.
  void WriteBatchOut();
  void Report(Group& group, std::optional<raft::ConfState> installed);
  void SendReports();

  const std::string name_;
  engine::KvEngine* const engine_;
  const Router* const router_;
  const env::Clock* const clock_;
  HostMetrics* const metrics_;
  env::Inbox<ApplyRound> inbox_;
  std::atomic<uint64_t> queued_bytes_{0};

  std::vector<ApplyRound> taken_;
  absl::flat_hash_map<RegionId, std::unique_ptr<Group>> groups_;
  std::unique_ptr<engine::WriteBatch> batch_;
  uint64_t batch_entries_ = 0;
  // When the batch's first entry that somebody waits for was committed.
  std::optional<env::Instant> batch_since_;
  std::vector<Group*> dirty_;
  std::vector<Answer> answers_;
  std::vector<std::vector<GroupApplied>> reports_;  // By raft worker.
  raft::EntryId at_;
  bool own_entry_ = false;  // The command that is being applied is its entry's only one.
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_APPLY_WORKER_H_
