// The directives that only do quorum arithmetic.
#ifndef FLOTILLA_TESTS_RAFT_SCENARIO_QUORUM_COMMANDS_H_
#define FLOTILLA_TESTS_RAFT_SCENARIO_QUORUM_COMMANDS_H_

#include "tests/raft/scenario/commands.h"
#include "tests/raft/scenario/script.h"

namespace flotilla::raft::scenario {

// committed cfg=(1,2,3) cfgj=(3,4,5) idx=(10,_,12,...)
Outcome RunCommitted(const Directive& directive);
// vote cfg=(1,2,3) cfgj=(3,4,5) votes=(y,n,_,...)
Outcome RunVote(const Directive& directive);

}  // namespace flotilla::raft::scenario

#endif  // FLOTILLA_TESTS_RAFT_SCENARIO_QUORUM_COMMANDS_H_
