#include "pd/api/heartbeat_api.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"

namespace flotilla::pd {
namespace {

constexpr char kName[] = "flotilla_pd_region_heartbeats_total";
constexpr char kHelp[] = "Region heartbeats, by what became of them.";
constexpr int kMaxPeers = 64;

absl::Status CheckReport(const pdpb::RegionHeartbeatRequest& request) {
  const metapb::Region& region = request.region();
  if (region.id() == 0) return absl::InvalidArgumentError("region heartbeat without a region");
  if (region.peers_size() == 0 || region.peers_size() > kMaxPeers) {
    return absl::InvalidArgumentError(
        absl::StrCat(DescribeRegion(region), " has ", region.peers_size(), " peers"));
  }
  if (!region.end_key().empty() && region.start_key() >= region.end_key()) {
    return absl::InvalidArgumentError(
        absl::StrCat(DescribeRegion(region), " ends before it starts"));
  }
  for (const metapb::Peer& peer : region.peers()) {
    if (peer.id() == request.leader().id() && peer.store_id() == request.leader().store_id()) {
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat(DescribeRegion(region), " is not led by one of its peers"));
}

}  // namespace

HeartbeatApi::HeartbeatApi(const RequestGuard* guard, MetaStore* store, metrics::Registry* metrics)
    : guard_(guard),
      store_(store),
      accepted_(metrics->AddCounter(kName, kHelp, {{"result", "accepted"}})),
      stale_(metrics->AddCounter(kName, kHelp, {{"result", "stale"}})),
      malformed_(metrics->AddCounter(kName, kHelp, {{"result", "malformed"}})) {}

absl::Status HeartbeatApi::OnHeartbeat(const pdpb::RegionHeartbeatRequest& request,
                                       const std::shared_ptr<HeartbeatSink>& sink) {
  const std::shared_ptr<LeaderState> state = guard_->leadership().Current();
  if (state == nullptr) return NotLeaderStatus();
  absl::Status status = guard_->CheckClusterId(*state, request.header());
  if (!status.ok()) return status;
  if (!state->bootstrapped) return absl::FailedPreconditionError("cluster is not bootstrapped");
  // The first message of a stream may be for its store alone, without a region.
  if (request.leader().store_id() != 0) {
    state->streams.Bind(StoreId(request.leader().store_id()), sink);
  }
  if (status = CheckReport(request); !status.ok()) {
    malformed_.Increment();
    LOG_WARN("region heartbeat is ignored: {}", status.ToString());
    return absl::OkStatus();
  }
  const RegionPtr region = RegionFromHeartbeat(request);
  const absl::StatusOr<Cluster::RegionUpdate> update = state->cluster.PutRegion(region);
  if (!update.ok()) {
    stale_.Increment();
    LOG_DEBUG("region heartbeat is ignored: {}", update.status().ToString());
    return absl::OkStatus();
  }
  accepted_.Increment();
  if (update->must_save) Save(state, region->meta, update->removed);
  state->coordinator->Push(*region);
  return absl::OkStatus();
}

void HeartbeatApi::Save(const std::shared_ptr<LeaderState>& state, const metapb::Region& region,
                        const std::vector<RegionId>& removed) {
  meta::v1::Command command;
  *command.mutable_update_regions()->add_put() = region;
  for (const RegionId id : removed) command.mutable_update_regions()->add_removed(id.value());
  store_->Propose(state->term, std::move(command),
                  [state, region](absl::StatusOr<meta::v1::Result> result) {
                    // When it failed, the region's next heartbeat tries again.
                    if (result.ok()) state->cluster.OnRegionSaved(region);
                  });
}

}  // namespace flotilla::pd
