#include "store/snapshot_hub.h"

#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "store/region/region_storage.h"

namespace flotilla::store {

absl::StatusOr<RegionInView> ReadRegionInView(const engine::KvEngine& engine,
                                              const engine::Snapshot& view, RegionId region_id) {
  const engine::ReadOptions options{.snapshot = &view, .bounds = {}};
  ASSIGN_OR_RETURN(auto data,
                   engine.Get(engine::ColumnFamily::kMeta, RegionStateKey(region_id), options));
  ASSIGN_OR_RETURN(const auto applied,
                   engine.Get(engine::ColumnFamily::kMeta, AppliedKey(region_id), options));
  if (!data.has_value() || !applied.has_value()) {
    return absl::NotFoundError(absl::StrCat("region ", region_id.value(), " has no state"));
  }
  ASSIGN_OR_RETURN(const RegionState state, DecodeRegionState(*data));
  if (state.kind != RegionState::Kind::kNormal) {
    return absl::NotFoundError(absl::StrCat("region ", region_id.value(), " was removed"));
  }
  RegionInView region;
  ASSIGN_OR_RETURN(region.applied, DecodeApplied(*applied));
  region.range = {state.region.start_key(), state.region.end_key()};
  region.state = *std::move(data);
  return region;
}

absl::StatusOr<raft::ConfState> ConfStateOf(std::string_view state) {
  ASSIGN_OR_RETURN(const RegionState decoded, DecodeRegionState(state));
  return Region(decoded.region).conf_state();
}

absl::StatusOr<raft::Snapshot> SnapshotHub::SnapshotFor(RegionId region_id, Index min_index) {
  return service_->SnapshotFor(region_id, min_index);
}

void SnapshotHub::Send(net::Envelope envelope) {
  LOG_INFO("region {} sends a snapshot to peer {} on store {}", envelope.region_id,
           envelope.message.to, envelope.to_store);
  service_->Send(std::move(envelope));
}

// --- The follower's side ------------------------------------------------------------------------

// Why a flush comes first. What is applied here and not flushed yet may be lost by a crash and is
// then replayed from the log, while the files of a snapshot, once taken in, stay:
//  1. Region P is split here; its child C, on this store, falls behind and gets a snapshot.
//  2. The process dies before P's split was flushed. C's snapshot is installed, or will be.
//  3. P's log is replayed from before the split: it writes old values into what is C's range.
// So nothing is handed to Raft before the range is C's alone and everything that made it so is
// durable.
void SnapshotHub::OnReceived(net::Envelope envelope) {
  const auto* install = std::get_if<raft::InstallSnapshot>(&envelope.message.body);
  if (install == nullptr) return;
  const auto region = ReceivedRegion(install->snapshot);
  if (!region.ok()) {
    LOG_WARN("region {}: {}", envelope.region_id, region.status().ToString());
    return;
  }
  const KeyRange range{region->start_key(), region->end_key()};
  for (const RegionViewPtr& other : manager_->index().Overlapping(range)) {
    if (other->region.id() == envelope.region_id) continue;
    LOG_INFO("region {}: a snapshot overlaps region {}, which must be split or go first",
             envelope.region_id, other->region.id());
    return;
  }
  CHECK_OK(engine_->Flush());
  manager_->OnEnvelope(std::move(envelope));
}

absl::StatusOr<metapb::Region> SnapshotHub::ReceivedRegion(const raft::Snapshot& snapshot) {
  ASSIGN_OR_RETURN(const std::string encoded, service_->ReceivedState(snapshot));
  ASSIGN_OR_RETURN(RegionState state, DecodeRegionState(encoded));
  return std::move(state.region);
}

absl::StatusOr<metapb::Region> SnapshotHub::Install(const raft::Snapshot& snapshot, PeerId self) {
  ASSIGN_OR_RETURN(const SnapshotId id, DecodeSnapshotId(snapshot.data.view()));
  std::vector<KeyRange> held;
  ASSIGN_OR_RETURN(const auto old, LoadRegionState(*engine_, id.region_id));
  if (old.has_value() && old->kind == RegionState::Kind::kNormal) {
    held.push_back({old->region.start_key(), old->region.end_key()});
  }
  ASSIGN_OR_RETURN(metapb::Region region, ReceivedRegion(snapshot));
  RETURN_IF_ERROR(service_->installer()
                      .Install(id, held,
                               [&](const SnapshotManifest& manifest, engine::WriteBatch& batch) {
                                 PutRegionState(batch, {RegionState::Kind::kNormal, self, region});
                                 PutApplied(batch, id.region_id, manifest.id.position);
                               })
                      .status());
  return region;
}

void SnapshotHub::ForgetReceived(RegionId region_id, Index at) {
  service_->registry().RemoveBefore(SnapshotKind::kReceived, region_id, at + 1);
}

}  // namespace flotilla::store
