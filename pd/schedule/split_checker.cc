#include "pd/schedule/split_checker.h"

#include <utility>

namespace flotilla::pd {

std::optional<Operator> CheckSplit(const SplitBoundaries& boundaries, const RegionInfo& region) {
  if (!region.HasLeader()) return std::nullopt;
  SplitRegion split;
  for (auto it = boundaries.upper_bound(region.start());
       it != boundaries.end() && region.CanSplitAt(*it) && split.keys.size() < kMaxKeysPerSplit;
       ++it) {
    split.keys.push_back(*it);
  }
  if (split.keys.empty()) return std::nullopt;
  return MakeOperator("split-keyspace", OperatorKind::kSplit, region, {std::move(split)});
}

}  // namespace flotilla::pd
