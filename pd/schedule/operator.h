// An operator: the steps that bring one region from the state in which it was seen to a better one.
// A value; OperatorController runs it.
#ifndef FLOTILLA_PD_SCHEDULE_OPERATOR_H_
#define FLOTILLA_PD_SCHEDULE_OPERATOR_H_

#include <string>
#include <vector>

#include "common/base/ids.h"
#include "pd/schedule/op_step.h"

namespace flotilla::pd {

// What it works on; each kind has its own limit.
enum class OperatorKind { kReplica, kLeader, kSplit };

struct Operator {
  // Such as "make-up-replica"; clients look for "scatter-region".
  std::string desc;
  OperatorKind kind = OperatorKind::kReplica;
  RegionId region_id;
  // The region's epoch that the steps were made for.
  uint64_t version = 0;
  uint64_t conf_ver = 0;
  std::vector<OpStep> steps;
};

std::string_view KindName(OperatorKind kind);

// REQUIRES: steps may be empty only for an operator that finds nothing to do.
Operator MakeOperator(std::string desc, OperatorKind kind, const RegionInfo& region,
                      std::vector<OpStep> steps);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_SCHEDULE_OPERATOR_H_
