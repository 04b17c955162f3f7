#include "common/raftlog/log_format.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/checksum.h"
#include "common/base/coding.h"
#include "common/base/status_macros.h"

namespace flotilla::raftlog {
namespace {

std::string KeyOf(RegionId region_id, uint8_t kind) {
  std::string key;
  key.reserve(17);
  PutBigEndian64(key, region_id.value());
  key.push_back(static_cast<char>(kind));
  return key;
}

std::string KeyOf(RegionId region_id, RowKind kind) {
  return KeyOf(region_id, static_cast<uint8_t>(kind));
}

uint64_t ChecksumOf(std::string_view key, std::string_view head, std::string_view data) {
  std::string bound;
  bound.reserve(key.size() + head.size());
  bound.append(key).append(head);
  return Xxh3(data, Xxh3(bound));
}

std::string HeadOf(const raft::Entry& entry) {
  std::string head;
  PutVarint64(head, entry.term.value());
  head.push_back(static_cast<char>(entry.type));
  return head;
}

std::string ValueOf(std::string_view key, std::string_view data) {
  std::string value;
  value.reserve(8 + data.size());
  PutBigEndian64(value, ChecksumOf(key, {}, data));
  value.append(data);
  return value;
}

absl::Status BadRow(std::string_view key) {
  const absl::StatusOr<RowKey> row = ParseKey(key);
  if (!row.ok()) return row.status();
  return absl::DataLossError(absl::StrFormat(
      "raft log of region %d: row of kind %d, index %d, does not match its checksum",
      row->region_id.value(), static_cast<int>(row->kind), row->index.value()));
}

// The data of a value without head.
absl::StatusOr<std::string_view> DataOf(std::string_view key, std::string_view value) {
  uint64_t checksum = 0;
  if (!GetBigEndian64(value, checksum) || checksum != ChecksumOf(key, {}, value)) {
    return BadRow(key);
  }
  return value;
}

// An entry without its data, which stay a view.
struct EntryView {
  Term term;
  raft::EntryType type = raft::EntryType::kNormal;
  std::string_view data;
};

absl::StatusOr<EntryView> ViewOf(std::string_view key, std::string_view value) {
  uint64_t checksum = 0;
  if (!GetBigEndian64(value, checksum)) return BadRow(key);
  std::string_view rest = value;
  uint64_t term = 0;
  if (!GetVarint64(rest, term) || rest.empty()) return BadRow(key);
  const auto type = static_cast<uint8_t>(rest.front());
  rest.remove_prefix(1);
  const std::string_view head = value.substr(0, value.size() - rest.size());
  if (checksum != ChecksumOf(key, head, rest)) return BadRow(key);
  if (type > static_cast<uint8_t>(raft::EntryType::kConfChange)) return BadRow(key);
  return EntryView{Term(term), static_cast<raft::EntryType>(type), rest};
}

}  // namespace

std::string HardStateKey(RegionId region_id) { return KeyOf(region_id, RowKind::kHardState); }

std::string TruncatedKey(RegionId region_id) { return KeyOf(region_id, RowKind::kTruncated); }

std::string RecordKey(RegionId region_id, std::string_view name) {
  return KeyOf(region_id, RowKind::kRecord).append(name);
}

std::string EntryKey(RegionId region_id, Index index) {
  std::string key = KeyOf(region_id, RowKind::kEntry);
  PutBigEndian64(key, index.value());
  return key;
}

std::string RegionStart(RegionId region_id) { return KeyOf(region_id, uint8_t{0}); }

std::string RegionEnd(RegionId region_id) { return KeyOf(region_id, uint8_t{0xff}); }

absl::StatusOr<RowKey> ParseKey(std::string_view key) {
  RowKey row;
  std::string_view rest = key;
  uint64_t region_id = 0;
  if (GetBigEndian64(rest, region_id) && !rest.empty()) {
    row.region_id = RegionId(region_id);
    row.kind = static_cast<RowKind>(rest.front());
    rest.remove_prefix(1);
    switch (row.kind) {
      case RowKind::kHardState:
      case RowKind::kTruncated:
        if (rest.empty()) return row;
        break;
      case RowKind::kRecord:
        row.name = rest;
        return row;
      case RowKind::kEntry: {
        uint64_t index = 0;
        if (!GetBigEndian64(rest, index) || !rest.empty()) break;
        row.index = Index(index);
        return row;
      }
    }
  }
  return absl::DataLossError(absl::StrFormat(
      "raft log: a key of %d bytes, of region %d, is none of its rows", key.size(), region_id));
}

std::string EntryPrefix(std::string_view key, const raft::Entry& entry) {
  const std::string head = HeadOf(entry);
  std::string prefix;
  prefix.reserve(8 + head.size());
  PutBigEndian64(prefix, ChecksumOf(key, head, entry.data.view()));
  return prefix.append(head);
}

std::string HardStateValue(std::string_view key, const raft::HardState& state) {
  std::string data;
  PutVarint64(data, state.term.value());
  PutVarint64(data, state.vote.value());
  PutVarint64(data, state.commit.value());
  return ValueOf(key, data);
}

std::string TruncatedValue(std::string_view key, const raft::EntryId& position) {
  std::string data;
  PutVarint64(data, position.term.value());
  PutVarint64(data, position.index.value());
  return ValueOf(key, data);
}

std::string RecordValue(std::string_view key, std::string_view data) { return ValueOf(key, data); }

absl::StatusOr<raft::Entry> ParseEntry(std::string_view key, std::string_view value) {
  ASSIGN_OR_RETURN(const EntryView view, ViewOf(key, value));
  ASSIGN_OR_RETURN(const RowKey row, ParseKey(key));
  return raft::Entry{view.term, row.index, view.type, Bytes::Copy(view.data)};
}

absl::StatusOr<Term> ParseEntryTerm(std::string_view key, std::string_view value) {
  ASSIGN_OR_RETURN(const EntryView view, ViewOf(key, value));
  return view.term;
}

absl::StatusOr<raft::HardState> ParseHardState(std::string_view key, std::string_view value) {
  ASSIGN_OR_RETURN(std::string_view data, DataOf(key, value));
  uint64_t term = 0;
  uint64_t vote = 0;
  uint64_t commit = 0;
  if (!GetVarint64(data, term) || !GetVarint64(data, vote) || !GetVarint64(data, commit) ||
      !data.empty()) {
    return BadRow(key);
  }
  return raft::HardState{Term(term), PeerId(vote), Index(commit)};
}

absl::StatusOr<raft::EntryId> ParseTruncated(std::string_view key, std::string_view value) {
  ASSIGN_OR_RETURN(std::string_view data, DataOf(key, value));
  uint64_t term = 0;
  uint64_t index = 0;
  if (!GetVarint64(data, term) || !GetVarint64(data, index) || !data.empty()) return BadRow(key);
  return raft::EntryId{Term(term), Index(index)};
}

absl::StatusOr<std::string> ParseRecord(std::string_view key, std::string_view value) {
  ASSIGN_OR_RETURN(const std::string_view data, DataOf(key, value));
  return std::string(data);
}

}  // namespace flotilla::raftlog
