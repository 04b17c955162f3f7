#include "pd/api/split_api.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"

namespace flotilla::pd {
namespace {

absl::Status CheckAsk(const LeaderState& state, const pdpb::AskBatchSplitRequest& request) {
  if (request.split_count() == 0 || request.split_count() > kMaxSplitCount) {
    return absl::InvalidArgumentError(absl::StrCat("split count ", request.split_count(),
                                                   ", should be in [1, ", kMaxSplitCount, "]"));
  }
  const metapb::Region& region = request.region();
  if (region.peers_size() == 0 || region.peers_size() > 64) {
    return absl::InvalidArgumentError(
        absl::StrCat(DescribeRegion(region), " has ", region.peers_size(), " peers"));
  }
  const RegionPtr known = state.cluster.GetRegion(RegionId(region.id()));
  if (known != nullptr && (known->version() > region.region_epoch().version() ||
                           known->conf_ver() > region.region_epoch().conf_ver())) {
    return absl::FailedPreconditionError(absl::StrCat("invalid region epoch of ",
                                                      DescribeRegion(region), ", known is ",
                                                      DescribeRegion(known->meta)));
  }
  return absl::OkStatus();
}

template <typename Keys>
absl::StatusOr<std::vector<std::string>> CheckedKeys(const Keys& keys) {
  if (keys.empty() || keys.size() > kMaxSplitKeys) {
    return absl::InvalidArgumentError(
        absl::StrCat(keys.size(), " split keys, should be 1 to ", kMaxSplitKeys));
  }
  std::vector<std::string> checked;
  for (const std::string& key : keys) {
    if (key.empty()) return absl::InvalidArgumentError("a region cannot be split at the empty key");
    checked.push_back(key);
  }
  return checked;
}

uint64_t Percentage(size_t part, size_t whole) { return whole == 0 ? 100 : part * 100 / whole; }

}  // namespace

void SplitApi::AskBatchSplit(const pdpb::AskBatchSplitRequest& request,
                             pdpb::AskBatchSplitResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  if (absl::Status status = CheckAsk(*state, request); !status.ok()) {
    FinishWithError(status, response->mutable_header(), std::move(done));
    return;
  }
  const uint32_t regions = request.split_count();
  const auto peers = static_cast<uint32_t>(request.region().peers_size());
  state->ids->Allocate(regions * (1 + peers), [regions, peers, response, done = std::move(done)](
                                                  absl::StatusOr<uint64_t> first) mutable {
    if (!first.ok()) {
      FinishWithError(first.status(), response->mutable_header(), std::move(done));
      return;
    }
    uint64_t next = *first;
    for (uint32_t i = 0; i < regions; ++i) {
      pdpb::SplitID* ids = response->add_ids();
      ids->set_new_region_id(next++);
      for (uint32_t j = 0; j < peers; ++j) ids->add_new_peer_ids(next++);
    }
    std::move(done)(absl::OkStatus());
  });
}

void SplitApi::ReportBatchSplit(const pdpb::ReportBatchSplitRequest& request,
                                pdpb::ReportBatchSplitResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  std::move(done)(absl::OkStatus());
}

template <typename Request, typename Response, typename OnSplit>
void SplitApi::SplitThen(const Request& request, Response* response, rpc::Done done,
                         OnSplit on_split) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  absl::StatusOr<std::vector<std::string>> keys = CheckedKeys(request.split_keys());
  if (!keys.ok()) {
    FinishWithError(keys.status(), response->mutable_header(), std::move(done));
    return;
  }
  const size_t count = keys->size();
  state->coordinator->SplitAt(
      *std::move(keys), clock_->Now() + kSplitPatience,
      [state, count, response, on_split,
       done = std::move(done)](absl::StatusOr<Coordinator::SplitOutcome> outcome) mutable {
        if (!outcome.ok()) {
          std::move(done)(outcome.status());
          return;
        }
        on_split(*state, *outcome, Percentage(outcome->finished_keys, count));
        for (const RegionId region : outcome->regions) response->add_regions_id(region.value());
        std::move(done)(absl::OkStatus());
      });
}

void SplitApi::SplitRegions(const pdpb::SplitRegionsRequest& request,
                            pdpb::SplitRegionsResponse* response, rpc::Done done) {
  SplitThen(request, response, std::move(done),
            [response](LeaderState&, const Coordinator::SplitOutcome&, uint64_t percentage) {
              response->set_finished_percentage(percentage);
            });
}

std::vector<RegionId> SplitApi::Scatter(LeaderState& state, const std::vector<RegionId>& regions) {
  std::vector<RegionId> failed;
  for (const RegionId id : regions) {
    absl::Status status = absl::NotFoundError("no leader is known");
    state.cluster.WithView([&](const ClusterView& view) {
      const RegionPtr region = view.regions.Find(id);
      if (region == nullptr || !region->HasLeader()) return;
      status = state.operators.Add(ScatterLeader(view, *region));
    });
    if (!status.ok()) failed.push_back(id);
  }
  return failed;
}

void SplitApi::ScatterRegion(const pdpb::ScatterRegionRequest& request,
                             pdpb::ScatterRegionResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  std::vector<RegionId> regions;
  for (const uint64_t id : request.regions_id()) regions.emplace_back(id);
  if (regions.empty()) {
    // The older form, which names one region: it must be known.
    const RegionId id(request.region_id());
    if (state->cluster.GetRegion(id) == nullptr) {
      SetHeaderError(response->mutable_header(), pdpb::REGION_NOT_FOUND,
                     absl::StrCat("region ", id.value(), " not found"));
      std::move(done)(absl::OkStatus());
      return;
    }
    regions.push_back(id);
  }
  const std::vector<RegionId> failed = Scatter(*state, regions);
  for (const RegionId id : failed) response->add_failed_regions_id(id.value());
  response->set_finished_percentage(Percentage(regions.size() - failed.size(), regions.size()));
  std::move(done)(absl::OkStatus());
}

void SplitApi::SplitAndScatterRegions(const pdpb::SplitAndScatterRegionsRequest& request,
                                      pdpb::SplitAndScatterRegionsResponse* response,
                                      rpc::Done done) {
  SplitThen(request, response, std::move(done),
            [this, response](LeaderState& state, const Coordinator::SplitOutcome& outcome,
                             uint64_t percentage) {
              response->set_split_finished_percentage(percentage);
              const std::vector<RegionId> failed = Scatter(state, outcome.regions);
              response->set_scatter_finished_percentage(
                  Percentage(outcome.regions.size() - failed.size(), outcome.regions.size()));
            });
}

void SplitApi::GetOperator(const pdpb::GetOperatorRequest& request,
                           pdpb::GetOperatorResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  const std::optional<OperatorRecord> record =
      state->operators.Status(RegionId(request.region_id()));
  if (!record.has_value()) {
    SetHeaderError(response->mutable_header(), pdpb::REGION_NOT_FOUND,
                   absl::StrCat("no operator of region ", request.region_id(), " is remembered"));
  } else {
    response->set_region_id(request.region_id());
    response->set_desc(record->desc);
    response->set_status(record->status);
    response->set_kind(std::string(KindName(record->kind)));
  }
  std::move(done)(absl::OkStatus());
}

}  // namespace flotilla::pd
