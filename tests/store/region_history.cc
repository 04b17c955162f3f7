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
}

}  // namespace flotilla::store
