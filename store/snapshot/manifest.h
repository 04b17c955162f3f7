// What a snapshot of a region consists of, and its name.
#ifndef FLOTILLA_STORE_SNAPSHOT_MANIFEST_H_
#define FLOTILLA_STORE_SNAPSHOT_MANIFEST_H_

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/base/key_range.h"
#include "common/base/units.h"
#include "common/engine/kv_engine.h"
#include "common/raft/types.h"

namespace flotilla::store {

// Names a state of a region: what it was after the entry at (term, index). Two stores that make a
// snapshot of that name make the same one.
struct SnapshotId {
  RegionId region_id;
  raft::EntryId position;

  auto operator<=>(const SnapshotId&) const = default;
};

// "region-7_term-3_index-120": a directory's name, and what logs say.
std::string ToString(const SnapshotId& id);
// The data of a raft::Snapshot of a region, in either direction. DataLoss when malformed.
std::string EncodeSnapshotId(const SnapshotId& id);
absl::StatusOr<SnapshotId> DecodeSnapshotId(std::string_view data);

struct SnapshotFile {
  engine::ColumnFamily cf = engine::ColumnFamily::kDefault;
  uint64_t size_bytes = 0;
  uint64_t key_count = 0;
  // The checksum after the last block (BlockChecksum).
  uint64_t checksum = 0;

  bool operator==(const SnapshotFile&) const = default;
};

// Files are read, sent and checked in blocks of this size; the last one may be shorter.
inline constexpr uint64_t kSnapshotBlockBytes = kMiB;
// XXH3 of a block, seeded by the checksum of the block before it (0 for the first one): the value
// after the last block stands for the whole file.
uint64_t BlockChecksum(uint64_t previous, std::string_view block);

struct SnapshotManifest {
  SnapshotId id;
  KeyRange range;
  // The region's metadata at that position, in the store's own encoding: carried, not read.
  std::string state;
  std::vector<SnapshotFile> files;  // At most one a column family.

  uint64_t TotalBytes() const;
  bool operator==(const SnapshotManifest&) const = default;
};

// A file's name within the snapshot's directory: "default.sst".
std::string FileName(const SnapshotFile& file);

inline constexpr std::string_view kManifestFileName = "MANIFEST";
inline constexpr uint64_t kMaxManifestBytes = kMiB;
// With a checksum of its own. DataLoss when it does not match.
std::string EncodeManifest(const SnapshotManifest& manifest);
absl::StatusOr<SnapshotManifest> DecodeManifest(std::string_view data);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SNAPSHOT_MANIFEST_H_
