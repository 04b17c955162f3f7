// Recent log entries of the groups of one raft worker, so that the applier and slightly slow
// followers do not read the disk. Bounded by bytes: the oldest entries of the process go first.
//
// Not thread-safe: each raft worker owns one, with its share of the process' bytes.
#ifndef FLOTILLA_COMMON_RAFTLOG_ENTRY_CACHE_H_
#define FLOTILLA_COMMON_RAFTLOG_ENTRY_CACHE_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "common/raft/types.h"

namespace flotilla::raftlog {

class EntryCache {
 public:
  explicit EntryCache(uint64_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  // Drops the group's entries at or after the first one's index, then adds. What does not follow
  // the group's last entry replaces them all: the cached entries of a group have no gap.
  void Append(RegionId region_id, const std::vector<raft::Entry>& entries);
  // Drops the group's entries up to and including `index`.
  void TruncateTo(RegionId region_id, Index index);
  void Drop(RegionId region_id);

  // The entries [low, high), cut once `max_bytes` is passed but never empty; fewer when only a
  // beginning of them is here; empty when `low` is not.
  std::vector<raft::Entry> Entries(RegionId region_id, Index low, Index high,
                                   uint64_t max_bytes) const;
  std::optional<Term> TermAt(RegionId region_id, Index index) const;
  // Index of the group's first cached entry; nullopt when there is none.
  std::optional<Index> FirstIndex(RegionId region_id) const;

  uint64_t bytes() const { return bytes_; }
  uint64_t capacity_bytes() const { return capacity_bytes_; }

 private:
  struct Group {
    std::deque<raft::Entry> entries;
    // Age of each entry: the number of the append that brought it. Parallel to `entries`.
    std::deque<uint64_t> ages;
  };
  using Groups = absl::flat_hash_map<RegionId, Group>;

  const raft::Entry* Find(RegionId region_id, Index index) const;
  void PopFront(Group& group);
  void PopBack(Group& group);
  // Brings by_age_ up to date after the front of a group changed; `old_age` is what it was.
  void Reorder(RegionId region_id, std::optional<uint64_t> old_age);
  void EvictOldest();

  const uint64_t capacity_bytes_;
  uint64_t bytes_ = 0;
  uint64_t next_age_ = 1;
  Groups groups_;
  // Age of each group's first entry -> the group. Ages are unique to a group's append.
  absl::btree_map<uint64_t, RegionId> by_age_;
};

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_COMMON_RAFTLOG_ENTRY_CACHE_H_
