// What can be told of a request in a batch (tikvpb.BatchCommandsRequest.Request) from its first
// byte, so that a write that is refused needs no parsing.
#ifndef FLOTILLA_STORE_SERVICE_UNPARSED_REQUEST_H_
#define FLOTILLA_STORE_SERVICE_UNPARSED_REQUEST_H_

#include <string_view>

#include "tikv/tikvpb.pb.h"

namespace flotilla::store {

using BatchCommand = tikvpb::BatchCommandsRequest::Request::CmdCase;

// The write that it begins with; CMD_NOT_SET when it is anything else. A request of more than one
// command, which nobody makes, may be another one in the end.
BatchCommand WriteIn(std::string_view request);

// Where the answer to a write says that it was refused. REQUIRES: `write` is not CMD_NOT_SET.
errorpb::Error* RegionErrorOf(BatchCommand write,
                              tikvpb::BatchCommandsResponse::Response& response);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SERVICE_UNPARSED_REQUEST_H_
