// Binds the calls of tikvpb.Tikv to their handlers: one line an RPC.
#ifndef FLOTILLA_STORE_SERVICE_KV_SERVICE_H_
#define FLOTILLA_STORE_SERVICE_KV_SERVICE_H_

#include "common/rpc/in_flight.h"
#include "common/rpc/method_binder.h"
#include "store/kv/kv_api.h"

namespace flotilla::store {

// Both must outlive the calls. `in_flight` limits the requests in streams; that of unary calls is
// the server's.
void BindKvService(rpc::MethodBinder& binder, KvApi* api, rpc::InFlight* in_flight);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SERVICE_KV_SERVICE_H_
