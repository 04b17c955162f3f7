// Many requests on one stream, each answered by its id when it is done, in any order and grouping
// (public protocol: tikvpb.Tikv/BatchCommands).
#ifndef FLOTILLA_STORE_SERVICE_BATCH_COMMANDS_H_
#define FLOTILLA_STORE_SERVICE_BATCH_COMMANDS_H_

#include "common/rpc/in_flight.h"
#include "common/rpc/stream.h"
#include "store/kv/kv_api.h"

namespace flotilla::store {

// Both must outlive the server.
rpc::StreamAcceptor BatchCommandsAcceptor(KvApi* api, rpc::InFlight* in_flight);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SERVICE_BATCH_COMMANDS_H_
