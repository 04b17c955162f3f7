// What a region makes of its committed entries: the replicated state, which is its range of the
// data engine plus the region's own metadata.
//
// Thread: the group's apply worker; the constructor runs before it. Place in the pipeline:
// ApplyWorker -> RegionStateMachine -> operation/*.
#ifndef FLOTILLA_STORE_REGION_REGION_STATE_MACHINE_H_
#define FLOTILLA_STORE_REGION_REGION_STATE_MACHINE_H_

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "common/engine/kv_engine.h"
#include "common/multiraft/state_machine.h"
#include "store/operation/hash.h"
#include "store/region/peer_identity.h"
#include "store/region/region.h"
#include "store/region/region_index.h"

namespace flotilla::store {

// Replaces the data of a region by those of a received snapshot. Repeatable after a crash.
class StateInstaller {
 public:
  virtual ~StateInstaller() = default;
  // Returns the region as of the snapshot, whose state and applied position are then in the engine.
  virtual absl::StatusOr<metapb::Region> Install(const raft::Snapshot& snapshot, PeerId self) = 0;
};

class SnapshotInstalledEffect final : public multiraft::AppliedEffect {
 public:
  SnapshotInstalledEffect(Region region, Index at) : region(std::move(region)), at(at) {}
  const Region region;
  const Index at;
};

class RegionStateMachine final : public multiraft::StateMachine {
 public:
  // `region` is unset for a peer that waits for its first snapshot. The pointers must outlive the
  // machine; `hashes` may be null: then none is ever computed here.
  RegionStateMachine(PeerIdentity self, std::optional<Region> region, engine::KvEngine* engine,
                     StateInstaller* installer, HashSink* hashes,
                     std::shared_ptr<PublishedPeer> published);

  multiraft::CommandResult Apply(multiraft::ApplyContext& context,
                                 std::string_view command) override;
  multiraft::CommandResult ApplyConfChange(multiraft::ApplyContext& context,
                                           const raft::ConfChange& change) override;
  void PersistApplied(multiraft::ApplyContext& context, raft::EntryId applied) override;
  multiraft::CommandResult InstallSnapshot(const raft::Snapshot& snapshot) override;
  absl::Status PrepareForLossOfLog() override;

 private:
  const PeerIdentity self_;
  engine::KvEngine* const engine_;
  StateInstaller* const installer_;
  HashSink* const hashes_;
  const std::shared_ptr<PublishedPeer> published_;
  std::optional<Region> region_;
  // This peer was removed: its data are deleted and must not come back by what follows in the log.
  bool removed_ = false;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_REGION_STATE_MACHINE_H_
