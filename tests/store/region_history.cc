#include "tests/store/region_history.h"

#include "common/base/log.h"

namespace flotilla::store {

void RegionHistory::OnHeartbeat(const pdpb::RegionHeartbeatRequest& heartbeat) {
  const metapb::Region& region = heartbeat.region();
  const auto [leader, is_first] =
      leaders_.emplace(std::pair(region.id(), heartbeat.term()), heartbeat.leader().id());
  if (!is_first && leader->second != heartbeat.leader().id()) {
    violations_->Add(fmt::format("region {} term {} has leaders {} and {}", region.id(),
                                 heartbeat.term(), leader->second, heartbeat.leader().id()));
  }
  const auto& epoch = region.region_epoch();
  const std::string text = region.ShortDebugString();
  const auto [known, is_new] =
      regions_.emplace(std::tuple(region.id(), epoch.conf_ver(), epoch.version()), text);
  if (!is_new && known->second != text) {
    violations_->Add(fmt::format("one epoch, two regions: {} and {}", known->second, text));
  }
  CheckEpoch(heartbeat);
  if (is_new) CheckPeers(region);
}

void RegionHistory::CheckEpoch(const pdpb::RegionHeartbeatRequest& heartbeat) {
  const auto& epoch = heartbeat.region().region_epoch();
  auto& last = epochs_[{heartbeat.region().id(), heartbeat.term()}];
  if (epoch.conf_ver() < last.first || epoch.version() < last.second) {
    violations_->Add(fmt::format(
        "the leader of term {} was at conf_ver {}, version {} and reports {}", heartbeat.term(),
        last.first, last.second, heartbeat.region().ShortDebugString()));
  }
  last = {epoch.conf_ver(), epoch.version()};
}

void RegionHistory::CheckPeers(const metapb::Region& region) {
  for (const metapb::Peer& peer : region.peers()) {
    const std::pair<uint64_t, uint64_t> place(region.id(), peer.store_id());
    const auto [known, is_new] = peers_.emplace(peer.id(), place);
    if (!is_new && known->second != place) {
      violations_->Add(
          fmt::format("peer {} is of region {} on store {} and of region {} on store {}", peer.id(),
                      known->second.first, known->second.second, place.first, place.second));
    }
  }
}

}  // namespace flotilla::store
