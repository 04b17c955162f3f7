// What PD knows about one store: what it registered, what its last heartbeat said, and how many
// regions and leaders the region heartbeats put there.
#ifndef FLOTILLA_PD_CLUSTER_STORE_INFO_H_
#define FLOTILLA_PD_CLUSTER_STORE_INFO_H_

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/base/ids.h"
#include "common/env/clock.h"
#include "tikv/metapb.pb.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::pd {

// A store that was silent for so long gets no new replicas and no leaders.
inline constexpr env::Duration kStoreDisconnectedAfter = std::chrono::seconds(20);
// A store that was silent for so long is taken for lost, if the configuration says nothing else:
// its replicas are made elsewhere.
inline constexpr env::Duration kStoreDownAfter = std::chrono::minutes(30);

struct StoreInfo {
  metapb::Store meta;
  pdpb::StoreStats stats;
  // By this leadership; none until the store speaks to it.
  std::optional<env::Instant> last_heartbeat;
  int64_t last_heartbeat_wall_ms = 0;
  // When this leadership began to know the store: silence is counted from here at the earliest.
  env::Instant known_since;
  env::Duration down_after = kStoreDownAfter;

  StoreId id() const { return StoreId(meta.id()); }

  env::Duration SilentFor(env::Instant now) const {
    return now - last_heartbeat.value_or(known_since);
  }
  // May it get replicas and leaders?
  bool IsServing(env::Instant now) const {
    return last_heartbeat.has_value() && SilentFor(now) < kStoreDisconnectedAfter && !IsLost(now);
  }
  // Has its disk no room for more data? Stores do not count their reserve as available.
  bool IsFull() const { return stats.capacity() > 0 && stats.available() == 0; }
  // Must its replicas be made elsewhere?
  bool IsLost(env::Instant now) const {
    return meta.state() != metapb::Up || SilentFor(now) >= down_after;
  }
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_CLUSTER_STORE_INFO_H_
