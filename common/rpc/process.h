// Settings that hold for a whole process: for our programs, not for an application that uses the
// client library.
#ifndef FLOTILLA_COMMON_RPC_PROCESS_H_
#define FLOTILLA_COMMON_RPC_PROCESS_H_

#include <cstddef>

namespace flotilla::rpc {

// Call first in main. abseil's mutexes, with which gRPC is full, look for lock cycles in Debian's
// build as they do in a debug build: about 3 % of a store's CPU. The limit of open files is raised
// as far as the process may.
void SetUpProcess();

// How many connections a server may have in this process, besides which `other_files` files may be
// open: `wanted`, or fewer, with a warning in the log, where the limit of open files is lower. Of a
// limit that is lower than twice `other_files`, connections get half.
size_t FitConnections(size_t wanted, size_t other_files);

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_PROCESS_H_
