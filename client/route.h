// What the client knows of where data lives: regions, their peers and the stores' addresses, as
// plain values. PD and the stores' region errors bring them; the region cache keeps them.
#ifndef FLOTILLA_CLIENT_ROUTE_H_
#define FLOTILLA_CLIENT_ROUTE_H_

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/key_range.h"

namespace flotilla::client {

// How often a region's members (conf_ver) and its range (version) changed. An epoch is newer when
// either part is greater; the parts never move in opposite directions.
struct RegionEpoch {
  uint64_t conf_ver = 0;
  uint64_t version = 0;

  bool operator==(const RegionEpoch&) const = default;
  bool IsOlderThan(const RegionEpoch& other) const {
    return version < other.version || (version == other.version && conf_ver < other.conf_ver);
  }
};

struct PeerRoute {
  PeerId id;
  StoreId store_id;
  // Learners never lead.
  bool can_lead = true;

  bool operator==(const PeerRoute&) const = default;
};

struct RegionRoute {
  RegionId id;
  RegionEpoch epoch;
  // As the bringer gives it: encoded when it comes from PD or a store, decoded in the region cache.
  KeyRange range;
  std::vector<PeerRoute> peers;
  // Zero: unknown.
  PeerId leader;

  bool operator==(const RegionRoute&) const = default;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_ROUTE_H_
