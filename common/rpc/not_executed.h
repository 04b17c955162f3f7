// What is certain about a call that failed: the mark of those of which the server has executed
// nothing, so that even a write may be sent again.
#ifndef FLOTILLA_COMMON_RPC_NOT_EXECUTED_H_
#define FLOTILLA_COMMON_RPC_NOT_EXECUTED_H_

#include "absl/status/status.h"

namespace flotilla::rpc {

// Marks a failed call as one that never left this process, or was refused before a handler saw it.
// Of a stream: nothing was executed of what it brought and was not answered.
absl::Status MarkNotExecuted(absl::Status status);
bool WasNotExecuted(const absl::Status& status);

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_NOT_EXECUTED_H_
