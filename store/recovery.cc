#include "store/recovery.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "store/region/install_record.h"

namespace flotilla::store {
namespace {

using Regions = std::map<RegionId, PersistedRegion>;

absl::Status WriteRecord(raftlog::LogEngine& log_engine, RegionId region_id, bool clear,
                         std::string_view name, std::string value) {
  raftlog::LogChange change;
  change.region_id = region_id;
  change.clear = clear;
  change.records.emplace_back(std::string(name), std::move(value));
  raftlog::LogBatch batch;
  batch.changes.push_back(std::move(change));
  return log_engine.Write(batch);
}

absl::Status Forget(engine::KvEngine& engine, const RegionState& state) {
  const auto batch = engine.NewBatch();
  DeleteData(*batch, {state.region.start_key(), state.region.end_key()});
  DeleteRegionRecords(*batch, RegionId(state.region.id()));
  return engine.Write(*batch);
}

// The log says that the peer is gone; the engine may have lost that.
absl::Status FinishRemoval(engine::KvEngine& engine, const RegionState& tombstone,
                           Regions& regions) {
  const auto it = regions.find(RegionId(tombstone.region.id()));
  if (it == regions.end() || it->second.state.peer_id > tombstone.peer_id) return absl::OkStatus();
  LOG_INFO("region {} peer {} was removed: its data are deleted again", it->first,
           tombstone.peer_id);
  RETURN_IF_ERROR(Forget(engine, it->second.state));
  regions.erase(it);
  return absl::OkStatus();
}

// The log was reset to a snapshot; the engine may not hold it yet.
absl::Status FinishInstallation(engine::KvEngine& engine, raftlog::LogEngine& log_engine,
                                StateInstaller& installer, const InstallRecord& record,
                                RegionId region_id, Regions& regions) {
  const raft::EntryId position{record.snapshot.meta.term, record.snapshot.meta.index};
  const auto it = regions.find(region_id);
  const bool installed =
      it != regions.end() && it->second.state.kind == RegionState::Kind::kNormal &&
      it->second.state.peer_id == record.peer_id && it->second.applied.index >= position.index;
  if (!installed) {
    LOG_INFO("region {}: the snapshot at {} is installed again", region_id, position.index);
    ASSIGN_OR_RETURN(metapb::Region region, installer.Install(record.snapshot, record.peer_id));
    regions[region_id] = {{RegionState::Kind::kNormal, record.peer_id, std::move(region)},
                          position};
  }
  // Both paths end in a flushed state: an installation flushes, and so did the one that is found.
  RETURN_IF_ERROR(engine.Flush());
  return WriteRecord(log_engine, region_id, /*clear=*/false, kInstallingRecord, "");
}

}  // namespace

absl::StatusOr<RecoveredRegions> RecoverRegions(engine::KvEngine& engine,
                                                raftlog::LogEngine& log_engine,
                                                StateInstaller& installer) {
  Regions regions;
  ASSIGN_OR_RETURN(auto loaded, LoadRegions(engine));
  for (PersistedRegion& persisted : loaded) {
    const RegionId id(persisted.state.region.id());
    regions.emplace(id, std::move(persisted));
  }
  RecoveredRegions recovered;
  ASSIGN_OR_RETURN(const auto groups, log_engine.LoadAll());
  for (const auto& [region_id, group] : groups) {
    if (const auto it = group.records.find(std::string(kTombstoneRecord));
        it != group.records.end()) {
      ASSIGN_OR_RETURN(RegionState tombstone, DecodeRegionState(it->second));
      RETURN_IF_ERROR(FinishRemoval(engine, tombstone, regions));
      recovered.tombstones.push_back(std::move(tombstone));
    }
    if (const auto it = group.records.find(std::string(kInstallingRecord));
        it != group.records.end()) {
      ASSIGN_OR_RETURN(const InstallRecord record, DecodeInstallRecord(it->second));
      RETURN_IF_ERROR(
          FinishInstallation(engine, log_engine, installer, record, region_id, regions));
    }
  }
  for (auto& [region_id, persisted] : regions) {
    if (persisted.state.kind == RegionState::Kind::kNormal) {
      recovered.regions.push_back(std::move(persisted));
      continue;
    }
    // The engine says that the peer is gone; the log may not have heard of it.
    RETURN_IF_ERROR(WriteRecord(log_engine, region_id, /*clear=*/true, kTombstoneRecord,
                                EncodeRegionState(persisted.state)));
    const auto batch = engine.NewBatch();
    DeleteRegionRecords(*batch, region_id);
    RETURN_IF_ERROR(engine.Write(*batch));
    recovered.tombstones.push_back(std::move(persisted.state));
  }
  return recovered;
}

}  // namespace flotilla::store
