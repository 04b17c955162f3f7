// What leaders tell PD of their regions, held against what was told before:
//  - a term of a region has one leader;
//  - an epoch of a region has one range and one set of members;
//  - the leader of a term never goes back to an older epoch;
//  - the id of a peer is that of one peer, of one region on one store, for ever.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_STORE_REGION_HISTORY_H_
#define FLOTILLA_TESTS_STORE_REGION_HISTORY_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "tests/support/violations.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::store {

class RegionHistory {
 public:
  // `violations` must outlive this.
  explicit RegionHistory(testing::Violations* violations) : violations_(violations) {}

  void OnHeartbeat(const pdpb::RegionHeartbeatRequest& heartbeat);

 private:
  void CheckEpoch(const pdpb::RegionHeartbeatRequest& heartbeat);
  void CheckPeers(const metapb::Region& region);

  testing::Violations* const violations_;
  // By region and term.
  std::map<std::pair<uint64_t, uint64_t>, uint64_t> leaders_;
  // By region, conf_ver and version.
  std::map<std::tuple<uint64_t, uint64_t, uint64_t>, std::string> regions_;
  // By region and term: conf_ver and version as of the last heartbeat.
  std::map<std::pair<uint64_t, uint64_t>, std::pair<uint64_t, uint64_t>> epochs_;
  // Region and store, by peer.
  std::map<uint64_t, std::pair<uint64_t, uint64_t>> peers_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_TESTS_STORE_REGION_HISTORY_H_
