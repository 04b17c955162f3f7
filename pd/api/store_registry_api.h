// How stores register, and what PD remembers of their data: see pd/meta/store_memory.h.
//
// Thread-safe.
#ifndef FLOTILLA_PD_API_STORE_REGISTRY_API_H_
#define FLOTILLA_PD_API_STORE_REGISTRY_API_H_

#include "flotilla/store_registry.pb.h"
#include "pd/api/request_guard.h"
#include "pd/meta/meta_store.h"

namespace flotilla::pd {

class StoreRegistryApi {
 public:
  // Both must outlive the API.
  StoreRegistryApi(const RequestGuard* guard, MetaStore* store) : guard_(guard), store_(store) {}

  // Header errors as PutStore's. A generation of 0 in the answer: the store's data are older than
  // what PD remembers of it.
  void Register(const registry::v1::RegisterRequest& request,
                registry::v1::RegisterResponse* response, rpc::Done done);
  // Writes only what is higher than before, so that an idle store costs nothing.
  void SavePosition(const registry::v1::SavePositionRequest& request,
                    registry::v1::SavePositionResponse* response, rpc::Done done);

 private:
  const RequestGuard* const guard_;
  MetaStore* const store_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_API_STORE_REGISTRY_API_H_
