// Cuts regions where a keyspace begins or ends, so that no region holds keys of two.
//
// Pure: of the boundaries and the region.
#ifndef FLOTILLA_PD_SCHEDULE_SPLIT_CHECKER_H_
#define FLOTILLA_PD_SCHEDULE_SPLIT_CHECKER_H_

#include <optional>
#include <string>

#include "absl/container/btree_set.h"
#include "pd/schedule/operator.h"

namespace flotilla::pd {

// Keys of one split operator.
inline constexpr size_t kMaxKeysPerSplit = 64;

using SplitBoundaries = absl::btree_set<std::string>;

// An operator that splits the region at the boundaries that lie inside it, or nullopt.
std::optional<Operator> CheckSplit(const SplitBoundaries& boundaries, const RegionInfo& region);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_SCHEDULE_SPLIT_CHECKER_H_
