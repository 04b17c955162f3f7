// The log engine of tests and the simulator: in memory, with a crash model.
//
// Write is durable when it returns, like the production engine's. A write that a crash interrupts
// is modelled by HoldWrites: from then on writes are visible but not durable, in their order, and
// Crash keeps a chosen number of them. Thread-safe.
#ifndef FLOTILLA_COMMON_RAFTLOG_MEMORY_LOG_ENGINE_H_
#define FLOTILLA_COMMON_RAFTLOG_MEMORY_LOG_ENGINE_H_

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "common/raftlog/log_engine.h"

namespace flotilla::raftlog {

class MemoryLogEngine final : public LogEngine {
 public:
  explicit MemoryLogEngine(uint64_t flush_at_bytes = 48 << 20) : flush_at_bytes_(flush_at_bytes) {}

  absl::Status Write(const LogBatch& batch) override;
  absl::StatusOr<std::map<RegionId, GroupState>> LoadAll() const override;
  absl::StatusOr<GroupState> Load(RegionId region_id) const override;
  absl::StatusOr<std::vector<raft::Entry>> Entries(RegionId region_id, Index low, Index high,
                                                   uint64_t max_bytes) const override;
  absl::StatusOr<Term> TermAt(RegionId region_id, Index index) const override;
  // Runs in the Write that makes it `flush_at_bytes` since the last time; nobody waits for `done`.
  void SetFlushPreparation(FlushPreparation preparation) override;
  uint64_t ApproximateBytes() const override;
  uint64_t DurablePosition() const override;

  // Writes are visible at once but only a later Sync makes them durable: the caller reports them as
  // durable no earlier.
  void HoldWrites(bool hold);
  // Makes the oldest `writes` held writes durable; returns how many are still held.
  size_t Sync(size_t writes);
  // Goes back to what is durable and the oldest `kept` of the held writes: power was cut while they
  // were on their way to the disk.
  void Crash(size_t kept = 0);
  // Holds what a crash now would leave of `other`.
  void CopyDurable(const MemoryLogEngine& other);
  // The next Write fails with `status`, and changes nothing, unless it `reaches_the_disk`: what a
  // failed sync leaves is whole or not there. OK takes it back.
  void FailNextWrite(absl::Status status, bool reaches_the_disk = false);
  // A bit of the stored entry flips: DataLoss when it is read. REQUIRES: it is stored.
  void Corrupt(RegionId region_id, Index index);

 private:
  struct Group {
    raft::HardState hard_state;
    raft::EntryId truncated;
    std::map<Index, raft::Entry> entries;
    std::map<std::string, std::string> records;
    std::map<Index, bool> corrupt;
  };
  using Groups = std::map<RegionId, Group>;

  static void Apply(const LogChange& change, Groups& groups);
  static bool IsDamaged(const Group& group, Index index);
  static absl::StatusOr<GroupState> StateOf(RegionId region_id, const Group& group);

  mutable Mutex mutex_;
  Groups visible_ ABSL_GUARDED_BY(mutex_);
  // Groups of visible_ as of the last durable write; used only while writes are held.
  Groups durable_ ABSL_GUARDED_BY(mutex_);
  std::deque<LogBatch> held_ ABSL_GUARDED_BY(mutex_);
  bool hold_ ABSL_GUARDED_BY(mutex_) = false;
  // Counts durable writes.
  uint64_t position_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status next_error_ ABSL_GUARDED_BY(mutex_);
  bool failed_reaches_the_disk_ ABSL_GUARDED_BY(mutex_) = false;

  // Of the thread that writes.
  const uint64_t flush_at_bytes_;
  uint64_t unflushed_bytes_ = 0;
  FlushPreparation preparation_;
};

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_COMMON_RAFTLOG_MEMORY_LOG_ENGINE_H_
