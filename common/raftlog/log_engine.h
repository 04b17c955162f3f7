// Where the Raft logs of all groups of a process live: the write-ahead log of the data.
//
// Every stored entry and state carries an XXH3 checksum that is checked when it is read.
// Thread-safe; writes of one group come from one thread at a time.
#ifndef FLOTILLA_COMMON_RAFTLOG_LOG_ENGINE_H_
#define FLOTILLA_COMMON_RAFTLOG_LOG_ENGINE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/raft/types.h"
#include "common/raftlog/log_batch.h"

namespace flotilla::raftlog {

// What is stored for one group, entries aside.
struct GroupState {
  raft::HardState hard_state;
  raft::EntryId truncated;  // The log starts after this position.
  raft::EntryId last;       // `truncated` when there is no entry.
  uint64_t bytes = 0;       // Of the entries' data.
  std::map<std::string, std::string> records;
};

// Lets entries that the engine holds in memory become obsolete: flushes the data that they wrote,
// truncates the logs, and calls `done` when that is durable. May block for a moment.
using FlushPreparation = absl::AnyInvocable<void(absl::AnyInvocable<void() &&> done)>;

class LogEngine {
 public:
  virtual ~LogEngine() = default;

  // All of the batch durable, atomically, when it returns OK. After an error the process must stop:
  // what is on disk is unknown.
  virtual absl::Status Write(const LogBatch& batch) = 0;

  // Everything known about every group. DataLoss names the group whose data do not match their
  // checksum, or whose entries have a gap.
  virtual absl::StatusOr<std::map<RegionId, GroupState>> LoadAll() const = 0;
  // NotFound: nothing is stored for the group.
  virtual absl::StatusOr<GroupState> Load(RegionId region_id) const = 0;

  // Entries [low, high), cut once `max_bytes` is passed but never empty.
  // OutOfRange: not all of them are stored. DataLoss: a checksum does not match.
  virtual absl::StatusOr<std::vector<raft::Entry>> Entries(RegionId region_id, Index low,
                                                           Index high,
                                                           uint64_t max_bytes) const = 0;
  virtual absl::StatusOr<Term> TermAt(RegionId region_id, Index index) const = 0;

  // `preparation` runs on a thread of the engine whenever much was written: before it writes what
  // is in memory to tables. It waits for `done`, for a bounded time, since entries that are
  // truncated by then need not be written. Null takes it back: it does not run any more when this
  // returns.
  virtual void SetFlushPreparation(FlushPreparation preparation) = 0;

  // Bytes that the logs take on disk, about.
  virtual uint64_t ApproximateBytes() const = 0;

  // How far the engine has come on disk: it grows with each Write that changed something, and an
  // engine that is opened again is never below what it was when the last Write returned. If it is,
  // its files are an older copy of themselves, or the disk lost what it had synced. Thread-safe.
  virtual uint64_t DurablePosition() const = 0;
};

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_COMMON_RAFTLOG_LOG_ENGINE_H_
