// What a directive did, as one line of JSON.
#ifndef FLOTILLA_TESTS_RAFT_SCENARIO_REPORT_H_
#define FLOTILLA_TESTS_RAFT_SCENARIO_REPORT_H_

#include <string>
#include <string_view>

#include "tests/raft/scenario/commands.h"

namespace flotilla::raft::scenario {

// Without a newline.
std::string ReportJson(std::string_view command, const Outcome& outcome,
                       const Environment& environment);

std::string_view Name(VoteResult result);  // Won, Lost or Pending.

}  // namespace flotilla::raft::scenario

#endif  // FLOTILLA_TESTS_RAFT_SCENARIO_REPORT_H_
