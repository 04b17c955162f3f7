// Who the members are and who leads: answered by every member, without a cluster id.
//
// Thread-safe.
#ifndef FLOTILLA_PD_API_MEMBER_API_H_
#define FLOTILLA_PD_API_MEMBER_API_H_

#include "common/rpc/done.h"
#include "etcd/etcdserverpb.pb.h"
#include "pd/meta/leadership.h"
#include "pd/meta/member.h"
#include "pd/meta/meta_store.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::pd {

class MemberApi {
 public:
  // All must outlive the API.
  MemberApi(const MemberList* members, const Leadership* leadership, const MetaStore* store)
      : members_(members), leadership_(leadership), store_(store) {}

  // Unavailable before the first leader gave the cluster an id: 0 would be taken for a failure.
  void GetMembers(const pdpb::GetMembersRequest& request, pdpb::GetMembersResponse* response,
                  rpc::Done done);
  void GetClusterInfo(const pdpb::GetClusterInfoRequest& request,
                      pdpb::GetClusterInfoResponse* response, rpc::Done done);
  // etcd's Cluster/MemberList.
  void MemberList(const etcdserverpb::MemberListRequest& request,
                  etcdserverpb::MemberListResponse* response, rpc::Done done);

 private:
  absl::StatusOr<uint64_t> ClusterIdOrError() const;

  const pd::MemberList* const members_;
  const Leadership* const leadership_;
  const MetaStore* const store_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_API_MEMBER_API_H_
