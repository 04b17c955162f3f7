#include "store/region/region_storage.h"

#include "absl/strings/str_cat.h"
#include "common/base/coding.h"
#include "common/base/status_macros.h"

namespace flotilla::store {
namespace {

using engine::ColumnFamily;

constexpr char kStatePrefix = 's';
constexpr char kAppliedPrefix = 'a';
constexpr char kStateFormat = 1;
constexpr char kTombstoneFormat = 2;

std::string MetaKey(char prefix, RegionId region_id) {
  std::string key(1, prefix);
  PutBigEndian64(key, region_id.value());
  return key;
}

}  // namespace

std::string RegionStateKey(RegionId region_id) { return MetaKey(kStatePrefix, region_id); }
std::string AppliedKey(RegionId region_id) { return MetaKey(kAppliedPrefix, region_id); }

std::string EncodeRegionState(const RegionState& state) {
  std::string out;
  const bool tombstone = state.kind == RegionState::Kind::kTombstone;
  out.push_back(tombstone ? kTombstoneFormat : kStateFormat);
  out.push_back(static_cast<char>(state.kind));
  PutVarint64(out, state.peer_id.value());
  if (tombstone) {
    PutVarint64(out, state.removed_at.term.value());
    PutVarint64(out, state.removed_at.index.value());
  }
  state.region.AppendToString(&out);
  return out;
}

absl::StatusOr<RegionState> DecodeRegionState(std::string_view data) {
  RegionState state;
  if (data.size() < 2 || (data[0] != kStateFormat && data[0] != kTombstoneFormat)) {
    return absl::DataLossError("a region state of an unknown format");
  }
  const bool has_position = data[0] == kTombstoneFormat;
  const auto kind = static_cast<uint8_t>(data[1]);
  data.remove_prefix(2);
  uint64_t peer_id = 0;
  uint64_t term = 0;
  uint64_t index = 0;
  if (kind < static_cast<uint8_t>(RegionState::Kind::kNormal) ||
      kind > static_cast<uint8_t>(RegionState::Kind::kTombstone) || !GetVarint64(data, peer_id) ||
      (has_position && (!GetVarint64(data, term) || !GetVarint64(data, index))) ||
      !state.region.ParseFromArray(data.data(), static_cast<int>(data.size()))) {
    return absl::DataLossError("a malformed region state");
  }
  state.kind = static_cast<RegionState::Kind>(kind);
  state.peer_id = PeerId(peer_id);
  state.removed_at = {Term(term), Index(index)};
  return state;
}

std::string EncodeApplied(raft::EntryId applied) {
  std::string out;
  PutBigEndian64(out, applied.term.value());
  PutBigEndian64(out, applied.index.value());
  return out;
}

absl::StatusOr<raft::EntryId> DecodeApplied(std::string_view data) {
  uint64_t term = 0;
  uint64_t index = 0;
  if (!GetBigEndian64(data, term) || !GetBigEndian64(data, index) || !data.empty()) {
    return absl::DataLossError("a malformed applied position");
  }
  return raft::EntryId{Term(term), Index(index)};
}

void PutRegionState(engine::WriteBatch& batch, const RegionState& state) {
  batch.Put(ColumnFamily::kMeta, RegionStateKey(RegionId(state.region.id())),
            EncodeRegionState(state));
}

void PutApplied(engine::WriteBatch& batch, RegionId region_id, raft::EntryId applied) {
  batch.Put(ColumnFamily::kMeta, AppliedKey(region_id), EncodeApplied(applied));
}

void DeleteRegionRecords(engine::WriteBatch& batch, RegionId region_id) {
  batch.Delete(ColumnFamily::kMeta, RegionStateKey(region_id));
  batch.Delete(ColumnFamily::kMeta, AppliedKey(region_id));
}

void DeleteData(engine::WriteBatch& batch, const KeyRange& range) {
  for (const ColumnFamily cf : engine::kDataColumnFamilies) batch.DeleteRange(cf, range);
}

absl::StatusOr<std::optional<RegionState>> LoadRegionState(const engine::KvEngine& engine,
                                                           RegionId region_id) {
  ASSIGN_OR_RETURN(auto data, engine.Get(ColumnFamily::kMeta, RegionStateKey(region_id)));
  if (!data.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(auto state, DecodeRegionState(*data));
  return state;
}

absl::StatusOr<std::vector<PersistedRegion>> LoadRegions(const engine::KvEngine& engine) {
  std::vector<PersistedRegion> regions;
  engine::ReadOptions options;
  options.bounds = KeyRange{std::string(1, kStatePrefix), std::string(1, kStatePrefix + 1)};
  const auto iterator = engine.NewIterator(ColumnFamily::kMeta, options);
  for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
    PersistedRegion persisted;
    ASSIGN_OR_RETURN(persisted.state, DecodeRegionState(iterator->value()));
    const RegionId id(persisted.state.region.id());
    ASSIGN_OR_RETURN(const auto applied, engine.Get(ColumnFamily::kMeta, AppliedKey(id)));
    if (applied.has_value()) {
      ASSIGN_OR_RETURN(persisted.applied, DecodeApplied(*applied));
    } else if (persisted.state.kind == RegionState::Kind::kNormal) {
      return absl::DataLossError(
          absl::StrCat("region ", id.value(), " has a state and no applied position"));
    }
    regions.push_back(std::move(persisted));
  }
  RETURN_IF_ERROR(iterator->status());
  return regions;
}

absl::StatusOr<raft::EntryId> LoadFlushedApplied(const engine::KvEngine& engine,
                                                 RegionId region_id) {
  ASSIGN_OR_RETURN(const auto data, engine.GetFlushed(ColumnFamily::kMeta, AppliedKey(region_id)));
  if (!data.has_value()) return raft::EntryId{};
  return DecodeApplied(*data);
}

}  // namespace flotilla::store
