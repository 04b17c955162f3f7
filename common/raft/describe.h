// The core's values as short text, for golden tests, scenario scripts and the debug page. For
// people: nothing may parse it.
#ifndef FLOTILLA_COMMON_RAFT_DESCRIBE_H_
#define FLOTILLA_COMMON_RAFT_DESCRIBE_H_

#include <string>
#include <string_view>

#include "common/raft/conf_change.h"
#include "common/raft/message.h"
#include "common/raft/raw_node.h"
#include "common/raft/ready.h"
#include "common/raft/types.h"

namespace flotilla::raft {

std::string_view Name(Role role);
std::string_view Name(ProgressState state);
// The kind of message, e.g. "AppendRequest"; pre-votes have names of their own.
std::string_view Kind(const Message& message);

std::string Describe(EntryId id);                // 1/11: term/index
std::string Describe(const Entry& entry);        // 1/11 "payload"
std::string Describe(const HardState& state);    // term=1 vote=1 commit=11
std::string Describe(const SoftState& state);    // Leader, leader 1
std::string Describe(const ConfState& conf);     // (1 2 3)&&(1 2) learners=(4)
std::string Describe(const ConfChange& change);  // v1 l2 implicit
std::string Describe(const Message& message);    // 1->2 AppendRequest term=1 prev=1/11 ...
// One line each, with a newline at the end.
std::string Describe(const Ready& ready);
std::string Describe(const NodeStatus& status);

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_DESCRIBE_H_
