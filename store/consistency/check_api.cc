#include "store/consistency/check_api.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/kv/api_reply.h"

namespace flotilla::store {
namespace {

using Proto = repair::v1::Comparison;

Proto::Agreement ToProto(Agreement agreement) {
  switch (agreement) {
    case Agreement::kEqual:
      return Proto::EQUAL;
    case Agreement::kIncomplete:
      return Proto::INCOMPLETE;
    case Agreement::kDiffers:
      return Proto::DIFFERS;
  }
  return Proto::UNKNOWN;
}

Proto::Verdict ToProto(ReplicaVerdict verdict) {
  switch (verdict) {
    case ReplicaVerdict::kAgrees:
      return Proto::AGREES;
    case ReplicaVerdict::kDiffers:
      return Proto::DISAGREES;
    case ReplicaVerdict::kNotCompared:
      break;
  }
  return Proto::NOT_COMPARED;
}

}  // namespace

repair::v1::Comparison ToProto(const Comparison& comparison) {
  Proto out;
  *out.mutable_region() = comparison.region;
  out.set_at_index(comparison.at.value());
  out.set_agreement(ToProto(comparison.agreement));
  out.set_has_majority(comparison.has_majority);
  for (const ComparedReplica& replica : comparison.replicas) {
    Proto::Replica* one = out.add_replicas();
    *one->mutable_peer() = replica.peer;
    one->set_verdict(ToProto(replica.verdict));
    one->set_hash(replica.hash);
    one->set_keys(replica.keys);
  }
  return out;
}

void CheckApi::CheckRegion(const repair::v1::CheckRegionRequest& request,
                           repair::v1::CheckRegionResponse* response, rpc::Done done) {
  const uint64_t cluster = request.context().cluster_id();
  if (cluster != 0 && ClusterId(cluster) != cluster_id_) {
    return std::move(done)(absl::InvalidArgumentError(absl::StrCat(
        "the request is for cluster ", cluster, ", this is cluster ", cluster_id_.value())));
  }
  constexpr uint64_t kMaxTimeoutMs = 3'600'000;
  const uint64_t timeout_ms =
      request.timeout_ms() == 0 ? kMaxTimeoutMs : std::min(request.timeout_ms(), kMaxTimeoutMs);
  checker_->Check(RegionId(request.region_id()),
                  clock_->Now() + std::chrono::milliseconds(timeout_ms),
                  [response, done = std::move(done)](absl::StatusOr<Comparison> outcome) mutable {
                    // Another store leads it soon.
                    if (absl::IsUnavailable(outcome.status())) {
                      return std::move(done)(outcome.status());
                    }
                    if (!outcome.ok()) return Reply(outcome.status(), response, std::move(done));
                    *response->mutable_comparison() = ToProto(*outcome);
                    std::move(done)(absl::OkStatus());
                  });
}

}  // namespace flotilla::store
