// Binds the calls of tikvpb.Tikv to their handlers: one line an RPC.
#ifndef FLOTILLA_STORE_SERVICE_KV_SERVICE_H_
#define FLOTILLA_STORE_SERVICE_KV_SERVICE_H_

#include "common/rpc/method_binder.h"
#include "store/kv/kv_api.h"

namespace flotilla::store {

// `api` must outlive the calls.
void BindKvService(rpc::MethodBinder& binder, KvApi* api);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SERVICE_KV_SERVICE_H_
