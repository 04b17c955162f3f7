#include "store/region/region_state_machine.h"

#include "common/base/check.h"
#include "common/errors/region_error.h"
#include "store/kv/command.h"
#include "store/operation/conf_change.h"
#include "store/operation/split.h"
#include "store/operation/write.h"
#include "store/region/region_storage.h"

namespace flotilla::store {

RegionStateMachine::RegionStateMachine(PeerIdentity self, std::optional<Region> region,
                                       engine::KvEngine* engine, StateInstaller* installer,
                                       std::shared_ptr<PublishedPeer> published)
    : self_(self),
      engine_(engine),
      installer_(installer),
      published_(std::move(published)),
      region_(std::move(region)) {
  if (region_.has_value()) published_->Publish(region_->version());
}

multiraft::CommandResult RegionStateMachine::Apply(multiraft::ApplyContext& context,
                                                   std::string_view command) {
  multiraft::CommandResult result;
  if (removed_) {
    result.status = errors::RegionNotFound(self_.region_id);
    return result;
  }
  CHECK(region_.has_value()) << "region " << self_.region_id
                             << " has a committed entry and no state";
  const auto header = TakeCommandHeader(command);
  CHECK_OK(header.status());
  // The proposer's checks hold for the version that it saw: keys that were in the region then may
  // be a child's now.
  result.status = region_->CheckVersion(header->version);
  if (!result.status.ok()) return result;
  switch (header->kind) {
    case CommandKind::kWrite:
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
  }
  CHECK(false) << "unreachable: headers have known kinds only";
  return result;
}

multiraft::CommandResult RegionStateMachine::ApplyConfChange(multiraft::ApplyContext& context,
                                                             const raft::ConfChange& change) {
  multiraft::CommandResult result;
  if (removed_) {
    result.status = errors::RegionNotFound(self_.region_id);
    return result;
  }
  CHECK(region_.has_value());
  result = ApplyMemberChange(context, self_.peer_id, change, *region_, removed_);
  if (removed_) published_->Unpublish();
  return result;
}

void RegionStateMachine::PersistApplied(multiraft::ApplyContext& context, raft::EntryId applied) {
  if (removed_ || !region_.has_value()) return;
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

}  // namespace flotilla::store
