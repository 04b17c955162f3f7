#include "pd/schedule/operator.h"

#include <utility>

namespace flotilla::pd {

std::string_view KindName(OperatorKind kind) {
  switch (kind) {
    case OperatorKind::kReplica:
      return "replica";
    case OperatorKind::kLeader:
      return "leader";
    case OperatorKind::kSplit:
      return "split";
  }
  return "unknown";
}

Operator MakeOperator(std::string desc, OperatorKind kind, const RegionInfo& region,
                      std::vector<OpStep> steps) {
  Operator op;
  op.desc = std::move(desc);
  op.kind = kind;
  op.region_id = region.id();
  op.version = region.version();
  op.conf_ver = region.conf_ver();
  op.steps = std::move(steps);
  return op;
}

}  // namespace flotilla::pd
