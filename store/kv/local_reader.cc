#include "store/kv/local_reader.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/base/planted_bugs.h"
#include "common/errors/region_error.h"
#include "store/kv/command.h"
#include "tikv/errorpb.pb.h"

namespace flotilla::store {
namespace {

// Of requests that name none: nobody waits longer.
constexpr env::Duration kDefaultDeadline = std::chrono::seconds(60);

absl::Status DataIsNotReady(const RegionView& view) {
  errorpb::Error error;
  error.set_message("stale reads need resolved timestamps, which raw keys do not have");
  error.mutable_data_is_not_ready()->set_region_id(view.region.id().value());
  error.mutable_data_is_not_ready()->set_peer_id(view.self.id());
  return errors::FromRegionError(error);
}

absl::Status RegionChanged(const RegionView& view) {
  return errors::EpochNotMatch(
      absl::StrCat("region ", view.region.id().value(), " is changing, ask PD"), {});
}

}  // namespace

absl::Status ReadPermit::CheckAfterRead() const {
  if (view->peer->generation.load() == generation || Planted(Bug::kReadBehindRemoval)) [[likely]]
    return absl::OkStatus();
  return RegionChanged(*view);
}

LocalReader::LocalReader(StoreId store_id, const RegionIndex* index, Replicator* replicator,
                         const env::Clock* clock)
    : store_id_(store_id), index_(index), replicator_(replicator), clock_(clock) {}

absl::StatusOr<RegionViewPtr> LocalReader::Admit(const kvrpcpb::Context& context) const {
  if (context.peer().store_id() != store_id_.value()) [[unlikely]] {
    return errors::StoreNotMatch(StoreId(context.peer().store_id()), store_id_);
  }
  const RegionId region_id(context.region_id());
  RegionViewPtr view = index_->Find(region_id);
  if (view == nullptr) [[unlikely]]
    return errors::RegionNotFound(region_id);
  if (context.peer().id() != view->self.id()) [[unlikely]] {
    return errors::MismatchPeerId(PeerId(context.peer().id()), PeerId(view->self.id()));
  }
  // The client saw a leader of long ago.
  if (context.term() != 0 && view->peer->term.load() > context.term() + 1) [[unlikely]] {
    return errors::StaleCommand();
  }
  const uint64_t version = context.region_epoch().version();
  if (version == view->region.version() || Planted(Bug::kEpochNotChecked)) [[likely]]
    return view;
  return errors::EpochNotMatch(absl::StrCat("region ", context.region_id(), " is at version ",
                                            view->region.version(), ", the request at ", version),
                               index_->WithSiblings(*view));
}

env::Duration LocalReader::TimeOf(const kvrpcpb::Context& context) {
  if (context.max_execution_duration_ms() == 0) return kDefaultDeadline;
  constexpr uint64_t kMost = kDefaultDeadline / std::chrono::milliseconds(1);
  return std::chrono::milliseconds(std::min(context.max_execution_duration_ms(), kMost));
}

env::Instant LocalReader::DeadlineOf(const kvrpcpb::Context& context) const {
  return clock_->Now() + TimeOf(context);
}

bool LocalReader::IsSettled(const RegionView& view) {
  return view.peer->applied_version.load() == view.region.version();
}

absl::StatusOr<ReadPermit> LocalReader::PermitNow(const kvrpcpb::Context& context) const {
  auto view = Admit(context);
  if (!view.ok()) return std::move(view).status();
  const uint64_t generation = (*view)->peer->generation.load();
  if ((*view)->peer->applied_version.load() != (*view)->region.version() &&
      !Planted(Bug::kReadBehindRemoval)) {
    return RegionChanged(**view);
  }
  return ReadPermit{*std::move(view), generation};
}

void LocalReader::AskGroup(const kvrpcpb::Context& context, RegionViewPtr view, ServeLater serve) {
  if (context.stale_read()) {
    std::move(serve)(DataIsNotReady(*view));
    return;
  }
  const PublishedPeer& peer = *view->peer;
  const bool leads = peer.leader.load() == view->self.id();
  if (!leads && !context.replica_read()) {
    const metapb::Peer* leader = view->region.FindPeer(PeerId(peer.leader.load()));
    std::move(serve)(errors::NotLeader(view->region.id(), leader));
    return;
  }
  if (leads && !IsSettled(*view)) {
    ReadBehindProposals(context, std::move(view), std::move(serve));
    return;
  }
  multiraft::ReadRequest request;
  request.deadline = DeadlineOf(context);
  request.epoch_version = view->region.version();
  request.callback = [this, &context, serve = std::move(serve)](absl::Status status) mutable {
    if (status.ok()) {
      std::move(serve)(PermitNow(context));
    } else {
      std::move(serve)(std::move(status));
    }
  };
  replicator_->Read(view->region.id(), std::move(request));
}

void LocalReader::ReadBehindProposals(const kvrpcpb::Context& context, RegionViewPtr view,
                                      ServeLater serve) {
  // A write without operations: the version has changed, which refuses the command and tells the
  // client what became of the region.
  multiraft::Proposal proposal;
  proposal.command = WriteCommand(view->region.version(), 0).Take();
  proposal.deadline = DeadlineOf(context);
  proposal.epoch_version = view->region.version();
  proposal.callback = [this, &context, serve = std::move(serve)](
                          absl::StatusOr<multiraft::Applied> applied) mutable {
    if (applied.ok()) {
      std::move(serve)(PermitNow(context));
    } else if (errors::IsUndetermined(applied.status())) {
      // It wrote nothing: the client may simply ask again.
      std::move(serve)(errors::StaleCommand());
    } else {
      std::move(serve)(std::move(applied).status());
    }
  };
  replicator_->Propose(view->region.id(), std::move(proposal));
}

}  // namespace flotilla::store
