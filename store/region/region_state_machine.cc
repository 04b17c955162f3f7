#include "store/region/region_state_machine.h"

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/planted_bugs.h"
#include "common/base/status_macros.h"
#include "common/errors/region_error.h"
#include "store/kv/command.h"
#include "store/operation/conf_change.h"
#include "store/operation/split.h"
#include "store/operation/write.h"
#include "store/region/region_storage.h"

namespace flotilla::store {
namespace {

// Of what is committed behind the removal of this peer: the other members apply it.
absl::Status NotAppliedHere(RegionId region_id) {
  return errors::Undetermined(absl::StrCat("the peer of region ", region_id.value(),
                                           " was removed before it applied this"));
}

}  // namespace

RegionStateMachine::RegionStateMachine(PeerIdentity self, std::optional<Region> region,
                                       engine::KvEngine* engine, StateInstaller* installer,
                                       HashSink* hashes, std::shared_ptr<PublishedPeer> published)
    : self_(self),
      engine_(engine),
      installer_(installer),
      hashes_(hashes),
      published_(std::move(published)),
      region_(std::move(region)) {
  if (region_.has_value()) published_->Publish(region_->version());
}

multiraft::CommandResult RegionStateMachine::Apply(multiraft::ApplyContext& context,
                                                   std::string_view command) {
  multiraft::CommandResult result;
  if (removed_) {
    result.status = NotAppliedHere(self_.region_id);
    return result;
  }
  CHECK(region_.has_value()) << "region " << self_.region_id
                             << " has a committed entry and no state";
  const auto header = TakeCommandHeader(command);
  CHECK_OK(header.status());
  // The proposer's checks hold for the version that it saw: keys that were in the region then may
  // be a child's now.
  if (!Planted(Bug::kWriteBehindSplit)) result.status = region_->CheckVersion(header->version);
  if (!result.status.ok()) return result;
  switch (header->kind) {
    case CommandKind::kWrite:
      if (Planted(Bug::kReplicaDiffers) && self_.store_id.value() % 3 == 0 &&
          context.at().index.value() % 8 == 0) {
        return result;
      }
      return ApplyWrite(context.batch(), command, published_->traffic);
    case CommandKind::kCompareAndSwap:
      return ApplyCompareAndSwap(context, *engine_, command, published_->traffic);
    case CommandKind::kSplit: {
      const auto split = DecodeSplit(header->version, command);
      CHECK_OK(split.status());
      result = ApplySplit(context, self_.store_id, *split, *region_);
      if (result.status.ok()) published_->Publish(region_->version());
      return result;
    }
    case CommandKind::kComputeHash: {
      const auto compute = DecodeComputeHash(command);
      CHECK_OK(compute.status());
      return ApplyComputeHash(context, *engine_, *compute, {self_, *region_}, hashes_);
    }
  }
  CHECK(false) << "unreachable: headers have known kinds only";
  return result;
}

multiraft::CommandResult RegionStateMachine::ApplyConfChange(multiraft::ApplyContext& context,
                                                             const raft::ConfChange& change) {
  multiraft::CommandResult result;
  if (removed_) {
    result.status = NotAppliedHere(self_.region_id);
    return result;
  }
  CHECK(region_.has_value());
  result = ApplyMemberChange(context, self_.peer_id, change, *region_, removed_);
  if (removed_) published_->Unpublish();
  return result;
}

void RegionStateMachine::PersistApplied(multiraft::ApplyContext& context, raft::EntryId applied) {
  if (removed_ || !region_.has_value()) return;
  if (Planted(Bug::kAppliedLags) && applied.index.value() % 2 == 1) return;
  PutApplied(context.batch(), self_.region_id, applied);
}

multiraft::CommandResult RegionStateMachine::InstallSnapshot(const raft::Snapshot& snapshot) {
  multiraft::CommandResult result;
  published_->Unpublish();
  auto meta = installer_->Install(snapshot, self_.peer_id);
  // The log is reset to the snapshot already: there is no way back.
  CHECK_OK(meta.status());
  region_.emplace(*std::move(meta));
  published_->Publish(region_->version());
  result.effect = std::make_unique<SnapshotInstalledEffect>(*region_, snapshot.meta.index);
  return result;
}

// What the log may still have to make again:
//  1. The region is split here. The child has its own log, but its state, and what it holds from
//     before the split, are not flushed.
//  2. The region's peer is removed, and its log cleared.
//  3. The process dies. Nothing makes the child any more, which has acknowledged entries.
absl::Status RegionStateMachine::PrepareForLossOfLog() {
  if (!region_.has_value() || Planted(Bug::kChildLostWithLog)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto flushed, engine_->GetFlushed(engine::ColumnFamily::kMeta,
                                                           RegionStateKey(self_.region_id)));
  if (flushed.has_value()) {
    ASSIGN_OR_RETURN(const RegionState state, DecodeRegionState(*flushed));
    if (Region(state.region).version() == region_->version()) return absl::OkStatus();
  }
  return engine_->Flush();
}

}  // namespace flotilla::store
