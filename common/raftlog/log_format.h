// How the Raft logs are written into their RocksDB; docs/log_format.md is the page for people.
//
// key   = region id (8 bytes, big-endian) | kind (1 byte) | rest
// value = checksum (8 bytes, big-endian) | head | data
// checksum = XXH3 of `data`, seeded by the XXH3 of key and head.
#ifndef FLOTILLA_COMMON_RAFTLOG_LOG_FORMAT_H_
#define FLOTILLA_COMMON_RAFTLOG_LOG_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/raft/types.h"

namespace flotilla::raftlog {

// In the order in which a scan of a region meets them.
enum class RowKind : uint8_t {
  kHardState = 1,  // Rest empty; data: term, vote, commit.
  kTruncated = 2,  // Rest empty; data: term, index of the position before the log's first entry.
  kRecord = 3,     // Rest is the record's name; data is its value.
  kEntry = 4,      // Rest is the index, big-endian; head: term, type; data is the payload.
};

std::string HardStateKey(RegionId region_id);
std::string TruncatedKey(RegionId region_id);
std::string RecordKey(RegionId region_id, std::string_view name);
std::string EntryKey(RegionId region_id, Index index);
// [RegionStart, RegionEnd) holds all rows of a region; [EntryKey(r, 0), RegionEnd(r)) its entries.
std::string RegionStart(RegionId region_id);
std::string RegionEnd(RegionId region_id);

struct RowKey {
  RegionId region_id;
  RowKind kind = RowKind::kEntry;
  std::string_view name;  // Of a record.
  Index index;            // Of an entry.
};
// DataLoss when it is none of ours.
absl::StatusOr<RowKey> ParseKey(std::string_view key);

// What precedes an entry's data in its value: checksum and head.
std::string EntryPrefix(std::string_view key, const raft::Entry& entry);
std::string HardStateValue(std::string_view key, const raft::HardState& state);
std::string TruncatedValue(std::string_view key, const raft::EntryId& position);
std::string RecordValue(std::string_view key, std::string_view data);

// DataLoss, naming region and row, when the value does not match its checksum.
absl::StatusOr<raft::Entry> ParseEntry(std::string_view key, std::string_view value);
// The entry's term; its checksum is verified as well.
absl::StatusOr<Term> ParseEntryTerm(std::string_view key, std::string_view value);
absl::StatusOr<raft::HardState> ParseHardState(std::string_view key, std::string_view value);
absl::StatusOr<raft::EntryId> ParseTruncated(std::string_view key, std::string_view value);
absl::StatusOr<std::string> ParseRecord(std::string_view key, std::string_view value);

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_COMMON_RAFTLOG_LOG_FORMAT_H_
