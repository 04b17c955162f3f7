// Which faults strike when: drawn from a seed, or read from a file.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_SCHEDULE_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_SCHEDULE_H_

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/json.h"
#include "tests/cluster/chaos/fault.h"

namespace flotilla::chaos {

// By their beginnings.
using Schedule = std::vector<Strike>;

// Faults of these kinds, over so long, such that one begins every `every` on average. The first of
// each kind come in turn, so that a short run has many kinds.
Schedule DrawSchedule(const std::vector<Fault>& faults, const Targets& targets,
                      std::chrono::milliseconds length, std::chrono::milliseconds every,
                      env::Random random);

cli::Json ToJson(const Schedule& schedule);
// InvalidArgument, naming the strike, when one is of a fault or a node that there is not.
absl::StatusOr<Schedule> ScheduleFrom(const cli::Json& json, const std::vector<Fault>& faults,
                                      const Targets& targets);

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_SCHEDULE_H_
