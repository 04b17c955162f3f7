// Where a store keeps what it knows of its regions: records in the meta column family, written in
// the same batches as the data that they describe.
//
//   's' region id (big-endian)   the region's state: a version byte, the kind of state, this
//                                store's peer id, of a tombstone (from version 2 on) the term and
//                                index at which it was removed, and the region's metadata
//   'a' region id (big-endian)   the applied position: term and index, big-endian
//
// Both are part of the consistent prefix that a crash leaves; docs/split.md says why that makes
// replays harmless.
#ifndef FLOTILLA_STORE_REGION_REGION_STORAGE_H_
#define FLOTILLA_STORE_REGION_REGION_STORAGE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/engine/kv_engine.h"
#include "common/raft/types.h"
#include "tikv/metapb.pb.h"

namespace flotilla::store {

// A new region's log starts after this position, so that its members agree on it and a peer without
// any state (at 0) is told apart.
inline constexpr raft::EntryId kInitialPosition{Term(5), Index(5)};

struct RegionState {
  enum class Kind : uint8_t {
    kNormal = 1,
    // The peer was removed and its data are deleted; the log engine may not know it yet.
    kTombstone = 2,
  };
  Kind kind = Kind::kNormal;
  PeerId peer_id;
  metapb::Region region;
  // Of a tombstone: the committed entry that removed the peer, which the peer applied. {0, 0}: it
  // heard of its removal from others.
  raft::EntryId removed_at = {};
};

struct PersistedRegion {
  RegionState state;
  raft::EntryId applied;
};

std::string RegionStateKey(RegionId region_id);
std::string AppliedKey(RegionId region_id);

std::string EncodeRegionState(const RegionState& state);
absl::StatusOr<RegionState> DecodeRegionState(std::string_view data);
std::string EncodeApplied(raft::EntryId applied);
absl::StatusOr<raft::EntryId> DecodeApplied(std::string_view data);

void PutRegionState(engine::WriteBatch& batch, const RegionState& state);
void PutApplied(engine::WriteBatch& batch, RegionId region_id, raft::EntryId applied);
// Forgets both records.
void DeleteRegionRecords(engine::WriteBatch& batch, RegionId region_id);
// Deletes the data of `range` in all data column families. REQUIRES: the range is not empty.
void DeleteData(engine::WriteBatch& batch, const KeyRange& range);

absl::StatusOr<std::optional<RegionState>> LoadRegionState(const engine::KvEngine& engine,
                                                           RegionId region_id);
// Every region with a state, by id. DataLoss names the record that cannot be read.
absl::StatusOr<std::vector<PersistedRegion>> LoadRegions(const engine::KvEngine& engine);
// The applied position that a crash right now would leave; index 0 when none.
absl::StatusOr<raft::EntryId> LoadFlushedApplied(const engine::KvEngine& engine,
                                                 RegionId region_id);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_REGION_STORAGE_H_
