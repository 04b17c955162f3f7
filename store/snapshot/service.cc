#include "store/snapshot/service.h"

#include <utility>
#include <variant>

#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace flotilla::store {

absl::StatusOr<std::unique_ptr<SnapshotService>> SnapshotService::Open(
    const SnapshotOptions& options, const SnapshotDependencies& dependencies,
    SnapshotCallbacks callbacks) {
  ASSIGN_OR_RETURN(auto registry, SnapshotRegistry::Open(options.registry, dependencies.files,
                                                         dependencies.clock, dependencies.metrics));
  return std::unique_ptr<SnapshotService>(
      new SnapshotService(options, dependencies, std::move(callbacks), std::move(registry)));
}

SnapshotService::SnapshotService(const SnapshotOptions& options, const SnapshotDependencies& on,
                                 SnapshotCallbacks callbacks,
                                 std::unique_ptr<SnapshotRegistry> registry)
    : registry_(std::move(registry)),
      conf_state_(std::move(callbacks.conf_state)),
      report_(std::move(callbacks.report)),
      builder_(on.engine, registry_.get(), on.clock, on.metrics, std::move(callbacks.read_region)),
      sender_(options.sender, on.files, on.connector, on.clock, on.metrics),
      receiver_(options.receiver, registry_.get(), on.clock, on.metrics,
                std::move(callbacks.deliver)),
      installer_(on.engine, registry_.get(), on.clock, on.metrics) {
  builder_.SetWaker(on.scheduler->Add(&builder_));
  sender_.SetWaker(on.scheduler->Add(&sender_));
  receiver_.SetWaker(on.scheduler->Add(&receiver_));
}

absl::StatusOr<raft::Snapshot> SnapshotService::SnapshotFor(RegionId region_id, Index min_index) {
  ASSIGN_OR_RETURN(const StoredSnapshotPtr stored, builder_.Request(region_id, min_index));
  const SnapshotId& id = stored->manifest.id;
  raft::Snapshot snapshot;
  snapshot.meta.index = id.position.index;
  snapshot.meta.term = id.position.term;
  ASSIGN_OR_RETURN(snapshot.meta.conf_state, conf_state_(stored->manifest.state));
  snapshot.data = Bytes(EncodeSnapshotId(id));
  return snapshot;
}

void SnapshotService::Send(net::Envelope envelope) {
  const auto* offer = std::get_if<raft::InstallSnapshot>(&envelope.message.body);
  CHECK(offer != nullptr) << "region " << envelope.region_id << ": a message without a snapshot";
  const absl::StatusOr<SnapshotId> id = DecodeSnapshotId(offer->snapshot.data.view());
  CHECK_OK(id.status()) << "region " << envelope.region_id;
  const RegionId region_id = envelope.region_id;
  const PeerId to = envelope.message.to;
  StoredSnapshotPtr stored = registry_->Find(SnapshotKind::kBuilt, *id);
  if (stored == nullptr) {
    // Replaced by a newer one since it was offered: the leader asks again.
    report_(region_id, to, false);
    return;
  }
  sender_.Send(
      std::move(stored), std::move(envelope),
      [this, region_id, to](const absl::Status& status) { report_(region_id, to, status.ok()); });
}

absl::StatusOr<std::string> SnapshotService::ReceivedState(const raft::Snapshot& snapshot) {
  ASSIGN_OR_RETURN(const SnapshotId id, DecodeSnapshotId(snapshot.data.view()));
  const StoredSnapshotPtr stored = registry_->Find(SnapshotKind::kReceived, id);
  if (stored == nullptr) {
    return absl::NotFoundError(absl::StrFormat("snapshot %s was not received", ToString(id)));
  }
  return stored->manifest.state;
}

}  // namespace flotilla::store
