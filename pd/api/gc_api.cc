#include "pd/api/gc_api.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "pd/api/propose.h"
#include "pd/gc/gc_rules.h"

namespace flotilla::pd {
namespace {

// The scope of clients that use no keyspace.
constexpr uint32_t kNullKeyspace = 0xFFFFFFFF;
constexpr char kGcWorker[] = "gc_worker";

template <typename T>
T MustRead(absl::StatusOr<T> value) {
  CHECK_OK(value.status());
  return *std::move(value);
}

// NotFound: the scope names a keyspace that does not exist.
absl::Status CheckScope(const MetaStore& store, const pdpb::KeyspaceScope& scope) {
  if (scope.keyspace_case() == pdpb::KeyspaceScope::KEYSPACE_NOT_SET ||
      scope.keyspace_id() == kNullKeyspace) {
    return absl::OkStatus();
  }
  if (MustRead(store.reader().Keyspace(scope.keyspace_id())).has_value()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("keyspace ", scope.keyspace_id(), " does not exist"));
}

void Describe(const meta::v1::GcBarrier& barrier, int64_t now_ms, pdpb::GCBarrierInfo* info) {
  info->set_barrier_id(barrier.barrier_id());
  info->set_barrier_ts(barrier.barrier_ts());
  info->set_ttl_seconds(BarrierTtlSeconds(barrier, now_ms));
}

void FillBarrier(const std::string& id, uint64_t ts, int64_t expires_at_ms,
                 meta::v1::Command& command) {
  meta::v1::GcBarrier* barrier = command.mutable_set_gc_barrier()->mutable_barrier();
  barrier->set_barrier_id(id);
  barrier->set_barrier_ts(ts);
  barrier->set_expires_at_ms(expires_at_ms);
}

// The service that holds the transaction safe point where it is: a barrier just there, else GC.
void DescribeLowestService(const MetaStore& store, int64_t now_ms,
                           pdpb::UpdateServiceGCSafePointResponse* response) {
  const MetaReader reader = store.reader();
  const meta::v1::GcState state = MustRead(reader.Gc());
  response->set_service_id(kGcWorker);
  response->set_ttl(std::numeric_limits<int64_t>::max());
  response->set_min_safe_point(state.txn_safe_point());
  const std::vector<meta::v1::GcBarrier> barriers = MustRead(reader.Barriers());
  const meta::v1::GcBarrier* lowest = LowestBarrier(barriers, now_ms);
  if (lowest != nullptr && lowest->barrier_ts() <= state.txn_safe_point()) {
    response->set_service_id(lowest->barrier_id());
    response->set_ttl(BarrierTtlSeconds(*lowest, now_ms));
  }
}

}  // namespace

void GcApi::GetGCState(const pdpb::GetGCStateRequest& request, pdpb::GetGCStateResponse* response,
                       rpc::Done done) {
  const auto state = guard_->Enter(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  if (absl::Status status = CheckScope(*store_, request.keyspace_scope()); !status.ok()) {
    FinishWithError(status, response->mutable_header(), std::move(done));
    return;
  }
  const MetaReader reader = store_->reader();
  const meta::v1::GcState gc = MustRead(reader.Gc());
  pdpb::GCState* answer = response->mutable_gc_state();
  *answer->mutable_keyspace_scope() = request.keyspace_scope();
  answer->set_is_keyspace_level_gc(false);
  answer->set_txn_safe_point(gc.txn_safe_point());
  answer->set_gc_safe_point(gc.gc_safe_point());
  if (!request.exclude_gc_barriers()) {
    const int64_t now_ms = clock_->WallMillis();
    for (const meta::v1::GcBarrier& barrier : MustRead(reader.Barriers())) {
      if (!IsBarrierExpired(barrier, now_ms)) Describe(barrier, now_ms, answer->add_gc_barriers());
    }
  }
  // There are no barriers beyond those of the one shared pair of safe points.
  if (request.include_global_gc_barriers()) response->mutable_global_gc_barriers();
  std::move(done)(absl::OkStatus());
}

template <typename Request, typename Response, typename Fill, typename Describe>
void GcApi::Change(const Request& request, Response* response, rpc::Done done, Fill fill,
                   Describe describe) {
  auto state = guard_->Enter(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  absl::Status status = CheckScope(*store_, request.keyspace_scope());
  const int64_t now_ms = clock_->WallMillis();
  meta::v1::Command command;
  if (status.ok()) status = fill(command, now_ms);
  if (!status.ok()) {
    FinishWithError(status, response->mutable_header(), std::move(done));
    return;
  }
  ProposeThen(store_, std::move(state), std::move(command), response->mutable_header(),
              std::move(done), [response, now_ms, describe](const meta::v1::Result& result) {
                describe(result, now_ms, response);
              });
}

void GcApi::AdvanceTxnSafePoint(const pdpb::AdvanceTxnSafePointRequest& request,
                                pdpb::AdvanceTxnSafePointResponse* response, rpc::Done done) {
  Change(
      request, response, std::move(done),
      [&](meta::v1::Command& command, int64_t) {
        command.mutable_advance_txn_safe_point()->set_target(request.target());
        return absl::OkStatus();
      },
      [](const meta::v1::Result& result, int64_t, pdpb::AdvanceTxnSafePointResponse* response) {
        response->set_old_txn_safe_point(result.safe_point().old_value());
        response->set_new_txn_safe_point(result.safe_point().new_value());
        response->set_blocker_description(result.safe_point().blocker());
      });
}

void GcApi::AdvanceGCSafePoint(const pdpb::AdvanceGCSafePointRequest& request,
                               pdpb::AdvanceGCSafePointResponse* response, rpc::Done done) {
  Change(
      request, response, std::move(done),
      [&](meta::v1::Command& command, int64_t) {
        command.mutable_advance_gc_safe_point()->set_target(request.target());
        return absl::OkStatus();
      },
      [](const meta::v1::Result& result, int64_t, pdpb::AdvanceGCSafePointResponse* response) {
        response->set_old_gc_safe_point(result.safe_point().old_value());
        response->set_new_gc_safe_point(result.safe_point().new_value());
      });
}

void GcApi::SetGCBarrier(const pdpb::SetGCBarrierRequest& request,
                         pdpb::SetGCBarrierResponse* response, rpc::Done done) {
  Change(
      request, response, std::move(done),
      [&](meta::v1::Command& command, int64_t now_ms) {
        if (request.ttl_seconds() <= 0) {
          return absl::InvalidArgumentError(
              absl::StrCat("GC barrier with a TTL of ", request.ttl_seconds(), " s"));
        }
        FillBarrier(request.barrier_id(), request.barrier_ts(),
                    BarrierExpiryMs(request.ttl_seconds(), now_ms), command);
        return absl::OkStatus();
      },
      [](const meta::v1::Result& result, int64_t now_ms, pdpb::SetGCBarrierResponse* response) {
        Describe(result.barrier(), now_ms, response->mutable_new_barrier_info());
      });
}

void GcApi::DeleteGCBarrier(const pdpb::DeleteGCBarrierRequest& request,
                            pdpb::DeleteGCBarrierResponse* response, rpc::Done done) {
  Change(
      request, response, std::move(done),
      [&](meta::v1::Command& command, int64_t) {
        command.mutable_delete_gc_barrier()->set_barrier_id(request.barrier_id());
        return absl::OkStatus();
      },
      [](const meta::v1::Result& result, int64_t now_ms, pdpb::DeleteGCBarrierResponse* response) {
        if (!result.has_barrier()) return;
        Describe(result.barrier(), now_ms, response->mutable_deleted_barrier_info());
      });
}

void GcApi::GetGCSafePoint(const pdpb::GetGCSafePointRequest& request,
                           pdpb::GetGCSafePointResponse* response, rpc::Done done) {
  const auto state = guard_->Enter(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  response->set_safe_point(MustRead(store_->reader().Gc()).gc_safe_point());
  std::move(done)(absl::OkStatus());
}

void GcApi::UpdateGCSafePoint(const pdpb::UpdateGCSafePointRequest& request,
                              pdpb::UpdateGCSafePointResponse* response, rpc::Done done) {
  auto state = guard_->Enter(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  meta::v1::Command command;
  command.mutable_advance_gc_safe_point()->set_target(request.safe_point());
  command.mutable_advance_gc_safe_point()->set_with_txn_safe_point(true);
  ProposeThen(store_, std::move(state), std::move(command), response->mutable_header(),
              std::move(done), [response](const meta::v1::Result& result) {
                response->set_new_safe_point(result.safe_point().new_value());
              });
}

void GcApi::UpdateServiceGCSafePoint(const pdpb::UpdateServiceGCSafePointRequest& request,
                                     pdpb::UpdateServiceGCSafePointResponse* response,
                                     rpc::Done done) {
  const auto state = guard_->Enter(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  const int64_t now_ms = clock_->WallMillis();
  meta::v1::Command command;
  if (request.service_id() == kGcWorker) {
    command.mutable_advance_txn_safe_point()->set_target(request.safe_point());
  } else if (request.ttl() <= 0) {
    command.mutable_delete_gc_barrier()->set_barrier_id(request.service_id());
  } else {
    FillBarrier(request.service_id(), request.safe_point(), BarrierExpiryMs(request.ttl(), now_ms),
                command);
  }
  store_->Propose(state->term, std::move(command),
                  [this, state, now_ms, response,
                   done = std::move(done)](absl::StatusOr<meta::v1::Result> result) mutable {
                    // A point that lies behind is no error here: the answer tells the lowest one,
                    // and the caller sees that its own is not protected.
                    if (!result.ok() && !absl::IsFailedPrecondition(result.status())) {
                      FinishWithError(result.status(), response->mutable_header(), std::move(done));
                      return;
                    }
                    DescribeLowestService(*store_, now_ms, response);
                    std::move(done)(absl::OkStatus());
                  });
}

}  // namespace flotilla::pd
