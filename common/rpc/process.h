// Settings of gRPC that hold for a whole process: for our programs, not for an application that
// uses the client library.
#ifndef FLOTILLA_COMMON_RPC_PROCESS_H_
#define FLOTILLA_COMMON_RPC_PROCESS_H_

namespace flotilla::rpc {

// Call first in main. abseil's mutexes, with which gRPC is full, look for lock cycles in Debian's
// build as they do in a debug build: about 3 % of a store's CPU.
void SetUpProcess();

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_PROCESS_H_
