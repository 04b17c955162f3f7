// Durable facts about a region beside its log (raftlog::LogChange::records): what bootstrap must
// know that the data engine may have lost.
#ifndef FLOTILLA_STORE_REGION_INSTALL_RECORD_H_
#define FLOTILLA_STORE_REGION_INSTALL_RECORD_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/raft/types.h"

namespace flotilla::store {

// "The log was reset to this snapshot; its files must be installed." Written together with the
// reset, removed when the installed state is flushed.
inline constexpr std::string_view kInstallingRecord = "installing";
// "This store's peer of the region was removed for good": a RegionState. Written when the log is
// cleared, removed when a later peer of the region gets its first state.
inline constexpr std::string_view kTombstoneRecord = "tombstone";

struct InstallRecord {
  PeerId peer_id;
  raft::Snapshot snapshot;  // Without its configuration, which the region's metadata tell.
};

std::string EncodeInstallRecord(const InstallRecord& record);
absl::StatusOr<InstallRecord> DecodeInstallRecord(std::string_view data);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_INSTALL_RECORD_H_
