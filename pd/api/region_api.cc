#include "pd/api/region_api.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace flotilla::pd {
namespace {

template <typename Response>
void FillRegion(const RegionInfo& region, Response* response) {
  *response->mutable_region() = region.meta;
  if (region.HasLeader()) *response->mutable_leader() = region.leader;
  response->mutable_down_peers()->Assign(region.down_peers.begin(), region.down_peers.end());
  response->mutable_pending_peers()->Assign(region.pending_peers.begin(),
                                            region.pending_peers.end());
}

void AnswerRegion(const RegionPtr& region, pdpb::GetRegionResponse* response, rpc::Done done) {
  if (region != nullptr) FillRegion(*region, response);
  std::move(done)(absl::OkStatus());
}

size_t ScanLimit(int32_t asked) {
  return asked <= 0 ? kMaxRegionsPerScan
                    : std::min<size_t>(static_cast<size_t>(asked), kMaxRegionsPerScan);
}

// Empty when `regions` cover `range` without a gap; otherwise the first key that is missing. A scan
// that was cut by its limit covers as far as it goes.
std::optional<std::string> FirstGap(const KeyRange& range, const std::vector<RegionPtr>& regions,
                                    bool cut) {
  std::string covered = range.start;
  for (const RegionPtr& region : regions) {
    if (region->start() > covered) return covered;
    if (region->end().empty()) return std::nullopt;
    covered = region->end();
  }
  if (cut || (!range.end.empty() && covered >= range.end)) return std::nullopt;
  return covered;
}

}  // namespace

void RegionApi::GetRegion(const pdpb::GetRegionRequest& request, pdpb::GetRegionResponse* response,
                          rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  AnswerRegion(state->cluster.GetRegionByKey(request.region_key()), response, std::move(done));
}

void RegionApi::GetPrevRegion(const pdpb::GetRegionRequest& request,
                              pdpb::GetRegionResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  AnswerRegion(state->cluster.GetPreviousRegion(request.region_key()), response, std::move(done));
}

void RegionApi::GetRegionByID(const pdpb::GetRegionByIDRequest& request,
                              pdpb::GetRegionResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  AnswerRegion(state->cluster.GetRegion(RegionId(request.region_id())), response, std::move(done));
}

void RegionApi::ScanRegions(const pdpb::ScanRegionsRequest& request,
                            pdpb::ScanRegionsResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  const KeyRange range{request.start_key(), request.end_key()};
  if (range.IsEmpty()) {
    SetHeaderError(response->mutable_header(), pdpb::INVALID_VALUE,
                   "the scan's end does not lie behind its start");
    std::move(done)(absl::OkStatus());
    return;
  }
  for (const RegionPtr& region : state->cluster.ScanRegions(range, ScanLimit(request.limit()))) {
    // Older clients read the two lists side by side: an unknown leader is an empty peer.
    *response->add_region_metas() = region->meta;
    *response->add_leaders() = region->leader;
    FillRegion(*region, response->add_regions());
  }
  std::move(done)(absl::OkStatus());
}

void RegionApi::BatchScanRegions(const pdpb::BatchScanRegionsRequest& request,
                                 pdpb::BatchScanRegionsResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  size_t room = ScanLimit(request.limit());
  RegionId last;
  for (const pdpb::KeyRange& asked : request.ranges()) {
    if (room == 0) break;
    const KeyRange range{asked.start_key(), asked.end_key()};
    if (range.IsEmpty()) continue;
    const std::vector<RegionPtr> regions = state->cluster.ScanRegions(range, room);
    const std::optional<std::string> gap = FirstGap(range, regions, regions.size() == room);
    if (gap.has_value() && request.contain_all_key_range()) {
      response->clear_regions();
      SetHeaderError(response->mutable_header(), pdpb::REGIONS_NOT_CONTAIN_ALL_KEY_RANGE,
                     absl::StrCat("no region is known for key \"", absl::CHexEscape(*gap), "\""));
      break;
    }
    for (const RegionPtr& region : regions) {
      // Neighbouring ranges may share a region.
      if (region->id() == last) continue;
      last = region->id();
      FillRegion(*region, response->add_regions());
      --room;
    }
  }
  std::move(done)(absl::OkStatus());
}

}  // namespace flotilla::pd
