// What leaders tell PD of their regions, held against what was told before:
//  - a term of a region has one leader;
//  - an epoch of a region has one range and one set of members.
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
  testing::Violations* const violations_;
  // By region and term.
  std::map<std::pair<uint64_t, uint64_t>, uint64_t> leaders_;
  // By region, conf_ver and version.
  std::map<std::tuple<uint64_t, uint64_t, uint64_t>, std::string> regions_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_TESTS_STORE_REGION_HISTORY_H_
