#include "client/region_op.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/planted_bugs.h"
#include "common/errors/region_error.h"
#include "common/rpc/unary_handler.h"

namespace flotilla::client {
namespace {

// API V1 requests name no keyspace.
constexpr uint32_t kNoKeyspace = 0xFFFFFFFF;

}  // namespace

void RegionOp::Start() {
  if (core_->closing()) return Fail(absl::CancelledError("the client is closed"));
  if (RegionRef region = core_->locator().Find(position())) return OnLocated(std::move(region));
  core_->locator().Load(position(),
                        [this](absl::StatusOr<RegionRef> region) { OnLocated(std::move(region)); });
}

void RegionOp::OnLocated(absl::StatusOr<RegionRef> region) {
  if (!region.ok()) {
    return RetryAfter(BackoffKind::kPd, env::Duration::zero(), region.status());
  }
  if (region_ != *region) failed_peers_ = 0;
  region_ = *std::move(region);
  target_ = region_->target();
  if (auto store = core_->locator().FindStore(target_.store_id))
    return OnConnected(std::move(store));
  core_->locator().LoadStore(target_.store_id,
                             [this](absl::StatusOr<std::shared_ptr<StoreConnection>> store) {
                               OnConnected(std::move(store));
                             });
}

void RegionOp::OnConnected(absl::StatusOr<std::shared_ptr<StoreConnection>> store) {
  if (!store.ok()) {
    // PD does not know the store any more: neither is the route worth anything.
    if (absl::IsNotFound(store.status())) ForgetRegion();
    return RetryAfter(BackoffKind::kPd, env::Duration::zero(), store.status());
  }
  store_ = *std::move(store);
  Attempt(*store_);
}

void RegionOp::Attempt(StoreConnection& store) {
  FitTo(*region_);
  FillContext();
  core_->metrics().requests.Increment();
  if (maybe_applied_ && effect_ != Effect::kRead) core_->metrics().resent_writes.Increment();
  const env::Instant deadline =
      std::min(budget_.deadline(), core_->clock().Now() + core_->options().request_timeout);
  // Whatever has not begun by then need not begin any more.
  rpc::LimitExecution(*mutable_context(), deadline - core_->clock().Now());
  Send(store, deadline, [this](absl::Status status) { OnAnswer(std::move(status)); });
}

void RegionOp::FillContext() {
  kvrpcpb::Context& context = *mutable_context();
  context.set_region_id(region_->id().value());
  context.mutable_region_epoch()->set_conf_ver(region_->epoch().conf_ver);
  context.mutable_region_epoch()->set_version(region_->epoch().version);
  context.mutable_peer()->set_id(target_.id.value());
  context.mutable_peer()->set_store_id(target_.store_id.value());
  const KeyCodec& codec = core_->codec();
  context.set_api_version(codec.is_v2() ? kvrpcpb::V2 : kvrpcpb::V1);
  context.set_keyspace_id(codec.is_v2() ? codec.keyspace().value() : kNoKeyspace);
  context.set_cluster_id(core_->cluster_id());
  context.clear_max_execution_duration_ms();
  if (budget_.retries() > 0) context.set_is_retry_request(true);
}

void RegionOp::OnAnswer(absl::Status status) {
  if (!status.ok()) return OnRefused(ReactToRpcError(status));
  if (const errorpb::Error* error = region_error()) return OnRefused(ReactToRegionError(*error));
  if (const std::string_view error = command_error(); !error.empty()) {
    if (AskForLess(error)) return Start();
    return Fail(absl::FailedPreconditionError(
        fmt::format("store {} refused: {}", target_.store_id, error)));
  }
  const absl::StatusOr<bool> done = Accept();
  if (!done.ok()) return Fail(done.status());
  if (*done) return Finish(absl::OkStatus());
  Start();
}

void RegionOp::OnRefused(Reaction reaction) {
  core_->metrics().OnRefusal(reaction.arm);
  if (reaction.maybe_applied) maybe_applied_ = true;
  const bool must_stop =
      maybe_applied_ && effect_ == Effect::kOnceWrite && !Planted(Bug::kWriteSentAgain);
  Repair(reaction);
  if (must_stop || !reaction.retry) return Fail(std::move(reaction.error));
  RetryAfter(reaction.backoff, reaction.least_wait, std::move(reaction.error));
}

void RegionOp::Repair(Reaction& reaction) {
  Locator& locator = core_->locator();
  switch (reaction.repair) {
    case Reaction::Repair::kNone:
      return;
    case Reaction::Repair::kSwitchLeader:
      if (!region_->SwitchTo(reaction.leader.id)) ForgetRegion();
      return;
    case Reaction::Repair::kNextPeer:
      if (reaction.backoff == BackoffKind::kStoreUnavailable) locator.ForgetStore(target_.store_id);
      region_->SwitchFrom(target_.id);
      if (++failed_peers_ >= region_->route().peers.size()) ForgetRegion();
      return;
    case Reaction::Repair::kReplace: {
      // A store that has not yet applied what PD told us of is behind: wait for it.
      for (const RegionRoute& known : reaction.regions) {
        if (known.id == region_->id() && known.epoch.IsOlderThan(region_->epoch())) {
          reaction.backoff = BackoffKind::kRegionMiss;
          return;
        }
      }
      locator.cache().Invalidate(*region_);
      locator.Learn(std::move(reaction.regions), target_.store_id);
      return;
    }
    case Reaction::Repair::kForget:
      return ForgetRegion();
    case Reaction::Repair::kStore:
      locator.ForgetStore(target_.store_id);
      return ForgetRegion();
  }
}

void RegionOp::ForgetRegion() {
  core_->locator().cache().Invalidate(*region_);
  failed_peers_ = 0;
}

void RegionOp::RetryAfter(BackoffKind kind, env::Duration least_wait, absl::Status error) {
  if (core_->closing()) return Fail(absl::CancelledError("the client is closed"));
  const auto wait = budget_.Next(kind, core_->jitter(), core_->clock().Now(), least_wait);
  if (!wait) {
    const std::string text = fmt::format("gave up after {} retries; the last refusal was {}",
                                         budget_.retries(), error.ToString());
    return Fail(budget_.waits_used_up() ? absl::UnavailableError(text)
                                        : absl::DeadlineExceededError(text));
  }
  core_->metrics().OnBackoff(kind, *wait);
  core_->executor().PostAfter(*wait, [this] { Start(); });
}

void RegionOp::Fail(absl::Status error) {
  if (maybe_applied_ && effect_ != Effect::kRead && !errors::IsUndetermined(error)) {
    error = errors::Undetermined(
        fmt::format("the write may or may not have taken effect: {}", FromAbsl(error.message())));
  }
  Finish(std::move(error));
}

}  // namespace flotilla::client
