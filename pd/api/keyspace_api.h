// Keyspaces: load, list, create, enable and disable.
//
// Thread-safe.
#ifndef FLOTILLA_PD_API_KEYSPACE_API_H_
#define FLOTILLA_PD_API_KEYSPACE_API_H_

#include "flotilla/keyspace.pb.h"
#include "pd/api/request_guard.h"
#include "pd/meta/meta_store.h"
#include "tikv/keyspacepb.pb.h"

namespace flotilla::pd {

// The most keyspaces of one answer.
inline constexpr size_t kMaxKeyspacesPerPage = 1000;

class KeyspaceApi {
 public:
  // Both must outlive the API.
  KeyspaceApi(const RequestGuard* guard, MetaStore* store) : guard_(guard), store_(store) {}

  // Header error ENTRY_NOT_FOUND: no keyspace of that name or id.
  void LoadKeyspace(const keyspacepb::LoadKeyspaceRequest& request,
                    keyspacepb::LoadKeyspaceResponse* response, rpc::Done done);
  void LoadKeyspaceByID(const keyspacepb::LoadKeyspaceByIDRequest& request,
                        keyspacepb::LoadKeyspaceResponse* response, rpc::Done done);
  void GetAllKeyspaces(const keyspacepb::GetAllKeyspacesRequest& request,
                       keyspacepb::GetAllKeyspacesResponse* response, rpc::Done done);
  void UpdateKeyspaceState(const keyspacepb::UpdateKeyspaceStateRequest& request,
                           keyspacepb::UpdateKeyspaceStateResponse* response, rpc::Done done);
  // Regions are cut at the new keyspace's boundaries from then on, in the background.
  void CreateKeyspace(const keyspace::v1::CreateKeyspaceRequest& request,
                      keyspace::v1::CreateKeyspaceResponse* response, rpc::Done done);

 private:
  const RequestGuard* const guard_;
  MetaStore* const store_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_API_KEYSPACE_API_H_
