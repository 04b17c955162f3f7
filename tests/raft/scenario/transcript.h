// A script's run as text for people: the script itself with what happened as expected output.
#ifndef FLOTILLA_TESTS_RAFT_SCENARIO_TRANSCRIPT_H_
#define FLOTILLA_TESTS_RAFT_SCENARIO_TRANSCRIPT_H_

#include <string>

#include "tests/raft/scenario/commands.h"
#include "tests/raft/scenario/script.h"

namespace flotilla::raft::scenario {

// Runs the script and returns it with the expected outputs replaced by the actual ones.
std::string RunToText(const Script& script);

}  // namespace flotilla::raft::scenario

#endif  // FLOTILLA_TESTS_RAFT_SCENARIO_TRANSCRIPT_H_
