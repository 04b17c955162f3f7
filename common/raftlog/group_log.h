// A group's log as its RawNode reads it: what is durable, from the cache of recent entries or else
// from the log engine.
//
// The owner tells it of each append twice: Submit, when the append goes to the log writer, and
// OnPersisted, when it is durable, before RawNode::OnPersisted of the same token. In between the
// core keeps the entries itself and does not ask for them.
//
// Thread: the raft worker that owns the group.
#ifndef FLOTILLA_COMMON_RAFTLOG_GROUP_LOG_H_
#define FLOTILLA_COMMON_RAFTLOG_GROUP_LOG_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/raft/log_reader.h"
#include "common/raft/ready.h"
#include "common/raftlog/entry_cache.h"
#include "common/raftlog/log_batch.h"
#include "common/raftlog/log_engine.h"
#include "common/raftlog/log_usage.h"
#include "common/raftlog/read_budget.h"

namespace flotilla::raftlog {

// What an entry takes in the log besides its data, about: key, checksum, head, RocksDB's framing.
inline constexpr uint64_t kEntryOverheadBytes = 64;

// What the groups of a raft worker share. All must outlive their logs; cache and budget belong to
// the worker's thread.
struct SharedLogParts {
  const LogEngine* engine = nullptr;
  EntryCache* cache = nullptr;
  ReadBudget* budget = nullptr;
  LogUsage* usage = nullptr;
};

class GroupLog final : public raft::LogReader {
 public:
  // Makes the snapshots that the core asks for; Unavailable while one is being made.
  using SnapshotSource =
      absl::AnyInvocable<absl::StatusOr<raft::Snapshot>(PeerId to, Index min_index)>;

  // `state` is what the engine holds of the group (GroupState{} of a group that it does not know).
  GroupLog(RegionId region_id, const GroupState& state, const SharedLogParts& shared,
           SnapshotSource snapshots);
  // Takes the group's entries out of the cache, and the group out of the usage.
  ~GroupLog() override;
  GroupLog(const GroupLog&) = delete;
  GroupLog& operator=(const GroupLog&) = delete;

  // Turns an append into the change to submit to the log writer: snapshot, entries and hard state
  // are taken out of it; messages and token stay. The caller adds records to the change and skips
  // the submission of a change that is empty.
  LogChange Submit(raft::LogAppend& append);
  // The oldest submitted append is durable; `token` is its token.
  void OnPersisted(const raft::PersistToken& token);

  // Forgets the entries up to and including `index` and returns the change to submit. Reads see it
  // at once. REQUIRES: truncated().index < index <= last_index(), and the data of everything up to
  // `index` are durable.
  absl::StatusOr<LogChange> Truncate(Index index);

  raft::EntryId truncated() const override { return truncated_; }
  Index last_index() const override { return last_.index; }
  absl::StatusOr<Term> TermAt(Index index) const override;
  absl::StatusOr<std::vector<raft::Entry>> Entries(Index low, Index high,
                                                   uint64_t max_bytes) const override;
  // What is in the cache costs nothing.
  bool MayReadForFollower(Index low) override;
  absl::StatusOr<raft::Snapshot> SnapshotFor(PeerId to, Index min_index) override;

  // Durable entries, and about their bytes (exact until the first truncation, which drops a
  // proportional share): for the decision when to truncate.
  uint64_t entry_count() const { return last_.index - truncated_.index; }
  uint64_t bytes() const { return bytes_; }
  // What they take in the log, about.
  uint64_t footprint() const { return bytes_ + entry_count() * kEntryOverheadBytes; }

 private:
  // What a submitted append will make of the log.
  struct Pending {
    raft::PersistToken token;
    std::optional<raft::EntryId> reset_to;
    Index first;  // Of its entries; 0: none.
    raft::EntryId last;
    uint64_t bytes = 0;
  };

  uint64_t BytesOf(uint64_t entries) const;
  // Tells usage_ of the present footprint.
  void Account();

  const RegionId region_id_;
  const LogEngine* const engine_;
  EntryCache* const cache_;
  ReadBudget* const budget_;
  LogUsage* const usage_;
  SnapshotSource snapshots_;

  raft::EntryId truncated_;
  raft::EntryId last_;
  uint64_t bytes_ = 0;
  uint64_t accounted_ = 0;       // The footprint that usage_ knows.
  std::deque<Pending> pending_;  // In the order of submission.
};

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_COMMON_RAFTLOG_GROUP_LOG_H_
