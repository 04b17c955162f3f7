#include "pd/api/repair_api.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "pd/api/propose.h"
#include "pd/schedule/replica_rebuild.h"
#include "pd/schedule/store_loss.h"

namespace flotilla::pd {
namespace {

using repair::v1::Comparison;

// What is to be kept of a comparison; nullopt: nothing changes.
std::optional<meta::v1::Finding> FindingOf(const Comparison& comparison, int64_t now_ms) {
  meta::v1::Finding finding;
  finding.set_region_id(comparison.region().id());
  if (comparison.agreement() == Comparison::EQUAL) return finding;
  if (comparison.agreement() != Comparison::DIFFERS) return std::nullopt;
  for (const Comparison::Replica& replica : comparison.replicas()) {
    if (replica.verdict() == Comparison::DISAGREES) *finding.add_differing() = replica.peer();
  }
  finding.set_has_majority(comparison.has_majority());
  finding.set_found_at_ms(now_ms);
  return finding;
}

void FillIds(PeerId peer, Operator& op) {
  for (OpStep& step : op.steps) {
    if (auto* add = std::get_if<AddLearner>(&step)) add->peer = peer;
    if (auto* promote = std::get_if<PromoteLearner>(&step)) promote->peer = peer;
  }
}

}  // namespace

void RepairApi::DeclareLost(const repair::v1::DeclareLostRequest& request,
                            repair::v1::DeclareLostResponse* response, rpc::Done done) {
  auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  const StoreId id(request.store_id());
  absl::Status status;
  state->cluster.WithView([&](const ClusterView& view) { status = CheckMayDeclareLost(view, id); });
  if (!status.ok()) {
    FinishWithError(status, response->mutable_header(), std::move(done));
    return;
  }
  meta::v1::Command command;
  command.mutable_declare_lost()->set_store_id(id.value());
  auto on_result = [this, state, id, response](const meta::v1::Result&) {
    const auto stored = store_->reader().Store(id.value());
    if (stored.ok() && stored->has_value()) state->cluster.PutStore(**stored);
    response->set_replicas(state->cluster.PeerCount(id));
    LOG_WARN("store {} was declared lost: {} replicas are made anew", id, response->replicas());
  };
  ProposeThen(store_, state, std::move(command), response->mutable_header(), std::move(done),
              std::move(on_result));
}

absl::StatusOr<Operator> RepairApi::Plan(LeaderState& state, RegionId region_id,
                                         StoreId store) const {
  const RegionPtr region = state.cluster.GetRegion(region_id);
  if (region == nullptr) {
    return absl::NotFoundError(absl::StrCat("region ", region_id.value(), " does not exist"));
  }
  if (state.operators.HasOperator(region_id)) {
    return absl::AlreadyExistsError(
        absl::StrCat("region ", region_id.value(), " has an operator under way: try again later"));
  }
  RebuildRequest request{.store = store, .differing = {}};
  const auto finding = store_->reader().Finding(region_id.value());
  if (!finding.ok()) return finding.status();
  // Without a majority that agrees nobody knows who is right but the operator.
  if (finding->has_value() && (*finding)->has_majority()) {
    for (const metapb::Peer& peer : (*finding)->differing()) {
      request.differing.insert(PeerId(peer.id()));
    }
  }
  absl::StatusOr<Operator> op = absl::UnknownError("");
  const AddingByStore adding = state.operators.AddingPeers();
  state.cluster.WithView(
      [&](const ClusterView& view) { op = PlanRebuild(config_, view, *region, adding, request); });
  return op;
}

void RepairApi::RebuildReplica(const repair::v1::RebuildReplicaRequest& request,
                               repair::v1::RebuildReplicaResponse* response, rpc::Done done) {
  auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  const StoreId store(request.store_id());
  absl::StatusOr<Operator> op = Plan(*state, RegionId(request.region_id()), store);
  if (!op.ok()) {
    FinishWithError(op.status(), response->mutable_header(), std::move(done));
    return;
  }
  // Younger than the plan, so above every id that the region has.
  state->ids->Allocate(1, [state, store, op = *std::move(op), response,
                           done = std::move(done)](absl::StatusOr<uint64_t> id) mutable {
    absl::Status status = id.status();
    const RegionPtr region = state->cluster.GetRegion(op.region_id);
    if (status.ok() && region == nullptr) status = absl::NotFoundError("the region is gone");
    if (status.ok()) {
      FillIds(PeerId(*id), op);
      for (const OpStep& step : op.steps) response->add_steps(Describe(step));
      const metapb::Peer* old = region->PeerOn(store);
      if (old != nullptr) response->set_old_peer_id(old->id());
      status = state->operators.Add(std::move(op));
    }
    if (!status.ok()) {
      FinishWithError(status, response->mutable_header(), std::move(done));
      return;
    }
    state->coordinator->Push(*region);
    std::move(done)(absl::OkStatus());
  });
}

void RepairApi::ReportCheck(const repair::v1::ReportCheckRequest& request,
                            repair::v1::ReportCheckResponse* response, rpc::Done done) {
  auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  const Comparison& comparison = request.comparison();
  const RegionId region(comparison.region().id());
  state->checks.Put(region, {clock_->WallMillis(), comparison.agreement()});
  const std::optional<meta::v1::Finding> finding = FindingOf(comparison, clock_->WallMillis());
  const auto known = store_->reader().Finding(region.value());
  const bool is_known = known.ok() && known->has_value();
  if (!finding.has_value() || (finding->differing().empty() && !is_known)) {
    std::move(done)(absl::OkStatus());
    return;
  }
  if (!finding->differing().empty()) LOG_ERROR("replicas differ: {}", finding->ShortDebugString());
  meta::v1::Command command;
  *command.mutable_record_finding()->mutable_finding() = *finding;
  ProposeThen(store_, state, std::move(command), response->mutable_header(), std::move(done),
              [](const meta::v1::Result&) {});
}

void RepairApi::GetChecks(const repair::v1::GetChecksRequest& request,
                          repair::v1::GetChecksResponse* response, rpc::Done done) {
  auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  const auto findings = store_->reader().Findings();
  if (!findings.ok()) return std::move(done)(findings.status());
  absl::btree_map<RegionId, repair::v1::RegionCheck> checks;
  for (const auto& [region, entry] : state->checks.All()) {
    if (state->cluster.GetRegion(region) == nullptr) continue;
    checks[region].set_checked_at_ms(entry.checked_at_ms);
    checks[region].set_agreement(entry.agreement);
  }
  for (const meta::v1::Finding& finding : *findings) {
    const RegionId id(finding.region_id());
    const RegionPtr region = state->cluster.GetRegion(id);
    if (region == nullptr) continue;
    for (const metapb::Peer& peer : finding.differing()) {
      // Whoever is no member any more was made anew.
      if (region->FindPeer(PeerId(peer.id())) == nullptr) continue;
      *checks[id].add_differing() = peer;
      checks[id].set_has_majority(finding.has_majority());
      checks[id].set_agreement(Comparison::DIFFERS);
      checks[id].set_checked_at_ms(std::max(checks[id].checked_at_ms(), finding.found_at_ms()));
    }
  }
  for (auto& [region, check] : checks) {
    check.set_region_id(region.value());
    *response->add_checks() = std::move(check);
  }
  std::move(done)(absl::OkStatus());
}

}  // namespace flotilla::pd
