#include "store/snapshot/manifest.h"

#include "absl/strings/str_format.h"
#include "common/base/checksum.h"
#include "common/base/coding.h"

namespace flotilla::store {
namespace {

constexpr char kManifestVersion = 1;
constexpr size_t kChecksumBytes = 8;
// Larger than any disk; a sum of these does not overflow.
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 56;

bool GetFile(std::string_view& in, SnapshotFile& file) {
  uint64_t cf = 0;
  if (!GetVarint64(in, cf) || !GetVarint64(in, file.size_bytes) ||
      !GetVarint64(in, file.key_count) || !GetBigEndian64(in, file.checksum)) {
    return false;
  }
  if (cf > UINT8_MAX || file.size_bytes == 0 || file.size_bytes > kMaxFileBytes) return false;
  file.cf = static_cast<engine::ColumnFamily>(cf);
  for (const engine::ColumnFamily known : engine::kDataColumnFamilies) {
    if (file.cf == known) return true;
  }
  return false;
}

bool GetId(std::string_view& in, SnapshotId& id) {
  uint64_t region_id = 0;
  uint64_t term = 0;
  uint64_t index = 0;
  if (!GetVarint64(in, region_id) || !GetVarint64(in, term) || !GetVarint64(in, index)) {
    return false;
  }
  id = {RegionId(region_id), {Term(term), Index(index)}};
  return true;
}

void PutId(std::string& out, const SnapshotId& id) {
  PutVarint64(out, id.region_id.value());
  PutVarint64(out, id.position.term.value());
  PutVarint64(out, id.position.index.value());
}

}  // namespace

std::string ToString(const SnapshotId& id) {
  return absl::StrFormat("region-%d_term-%d_index-%d", id.region_id.value(),
                         id.position.term.value(), id.position.index.value());
}

std::string EncodeSnapshotId(const SnapshotId& id) {
  std::string data;
  PutId(data, id);
  return data;
}

absl::StatusOr<SnapshotId> DecodeSnapshotId(std::string_view data) {
  SnapshotId id;
  if (!GetId(data, id) || !data.empty()) {
    return absl::DataLossError("the data of a raft snapshot do not name a region's snapshot");
  }
  return id;
}

uint64_t BlockChecksum(uint64_t previous, std::string_view block) { return Xxh3(block, previous); }

uint64_t SnapshotManifest::TotalBytes() const {
  uint64_t bytes = 0;
  for (const SnapshotFile& file : files) bytes += file.size_bytes;
  return bytes;
}

std::string FileName(const SnapshotFile& file) {
  switch (file.cf) {
    case engine::ColumnFamily::kDefault:
      return "default.sst";
    case engine::ColumnFamily::kLock:
      return "lock.sst";
    case engine::ColumnFamily::kWrite:
      return "write.sst";
    case engine::ColumnFamily::kMeta:
      break;
  }
  return "meta.sst";
}

std::string EncodeManifest(const SnapshotManifest& manifest) {
  std::string data(1, kManifestVersion);
  PutId(data, manifest.id);
  PutLengthPrefixed(data, manifest.range.start);
  PutLengthPrefixed(data, manifest.range.end);
  PutLengthPrefixed(data, manifest.state);
  PutVarint64(data, manifest.files.size());
  for (const SnapshotFile& file : manifest.files) {
    PutVarint64(data, static_cast<uint64_t>(file.cf));
    PutVarint64(data, file.size_bytes);
    PutVarint64(data, file.key_count);
    PutBigEndian64(data, file.checksum);
  }
  PutBigEndian64(data, Xxh3(data));
  return data;
}

absl::StatusOr<SnapshotManifest> DecodeManifest(std::string_view data) {
  const absl::Status malformed =
      absl::DataLossError("the manifest of a snapshot is damaged or of an unknown version");
  if (data.size() < 1 + kChecksumBytes) return malformed;
  std::string_view rest = data.substr(0, data.size() - kChecksumBytes);
  std::string_view trailer = data.substr(rest.size());
  uint64_t checksum = 0;
  if (!GetBigEndian64(trailer, checksum) || checksum != Xxh3(rest)) return malformed;
  if (rest.front() != kManifestVersion) return malformed;
  rest.remove_prefix(1);

  SnapshotManifest manifest;
  std::string_view start;
  std::string_view end;
  std::string_view state;
  uint64_t files = 0;
  if (!GetId(rest, manifest.id) || !GetLengthPrefixed(rest, start) ||
      !GetLengthPrefixed(rest, end) || !GetLengthPrefixed(rest, state) ||
      !GetVarint64(rest, files) || files > std::size(engine::kDataColumnFamilies)) {
    return malformed;
  }
  manifest.range = {std::string(start), std::string(end)};
  manifest.state = std::string(state);
  for (uint64_t i = 0; i < files; ++i) {
    SnapshotFile file;
    if (!GetFile(rest, file)) return malformed;
    // In the order of column families, which also rules out repetitions.
    if (!manifest.files.empty() && manifest.files.back().cf >= file.cf) return malformed;
    manifest.files.push_back(file);
  }
  if (!rest.empty() || manifest.range.IsEmpty()) return malformed;
  return manifest;
}

}  // namespace flotilla::store
