// Changes of the logs of many groups that become durable together, by one sync.
#ifndef FLOTILLA_COMMON_RAFTLOG_LOG_BATCH_H_
#define FLOTILLA_COMMON_RAFTLOG_LOG_BATCH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/raft/types.h"

namespace flotilla::raftlog {

// One group's part of a batch. Its fields take effect in the order in which they are declared here.
struct LogChange {
  RegionId region_id;
  // Forgets everything that is stored for the group, records included.
  bool clear = false;
  // Drops the whole log, which now starts after this position (an installed snapshot, a new child).
  std::optional<raft::EntryId> reset_to;
  // Drops stored entries at or after the first one's index, then appends.
  std::vector<raft::Entry> entries;
  std::optional<raft::HardState> hard_state;
  // Drops entries up to and including this position.
  std::optional<raft::EntryId> truncate_to;
  // Small durable facts of the tenant beside the log: (name, value); an empty value removes it.
  // E.g. "tombstone", "installing".
  std::vector<std::pair<std::string, std::string>> records;

  bool empty() const {
    return !clear && !reset_to && entries.empty() && !hard_state && !truncate_to && records.empty();
  }
  // What it takes in a batch, about.
  size_t ByteSize() const;
};

struct LogBatch {
  std::vector<LogChange> changes;
  size_t ByteSize() const;
};

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_COMMON_RAFTLOG_LOG_BATCH_H_
