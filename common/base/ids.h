// The names of things, as types. Zero is "none" for each of them.
#ifndef FLOTILLA_COMMON_BASE_IDS_H_
#define FLOTILLA_COMMON_BASE_IDS_H_

#include <spdlog/fmt/fmt.h>

#include <cstdint>

#include "common/base/strong_int.h"

namespace flotilla {

using Term = StrongInt<struct TermTag>;
using Index = StrongInt<struct IndexTag>;
using RegionId = StrongInt<struct RegionIdTag>;  // A region is a Raft group.
using PeerId = StrongInt<struct PeerIdTag>;      // A replica of a region: a Raft node.
using StoreId = StrongInt<struct StoreIdTag>;    // A process with a data directory; PD members too.
using ClusterId = StrongInt<struct ClusterIdTag>;
using KeyspaceId = StrongInt<struct KeyspaceIdTag, uint32_t>;

}  // namespace flotilla

// Lets a strong integer stand in a log line.
template <typename Tag, typename Rep>
struct fmt::formatter<flotilla::StrongInt<Tag, Rep>> : fmt::formatter<Rep> {
  template <typename Context>
  auto format(flotilla::StrongInt<Tag, Rep> v, Context& context) const {
    return fmt::formatter<Rep>::format(v.value(), context);
  }
};

#endif  // FLOTILLA_COMMON_BASE_IDS_H_
