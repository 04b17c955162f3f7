// The slice of etcd's KV service that clients of PD use: a few small facts under plain keys, and
// the garbage collection's safe point, which older clients read as a key.
//
// Range is answered by every member, linearizably; Put by the leader alone: a client of etcd tries
// the next member on Unavailable.
//
// Thread-safe.
#ifndef FLOTILLA_PD_API_ETCD_API_H_
#define FLOTILLA_PD_API_ETCD_API_H_

#include "common/rpc/done.h"
#include "etcd/etcdserverpb.pb.h"
#include "pd/meta/leadership.h"
#include "pd/meta/member.h"
#include "pd/meta/meta_store.h"

namespace flotilla::pd {

class EtcdApi {
 public:
  // All must outlive the API.
  EtcdApi(const MemberList* members, const Leadership* leadership, MetaStore* store)
      : members_(members), leadership_(leadership), store_(store) {}

  // InvalidArgument for what the slice does not have: old revisions and orders by other than key.
  void Range(const etcdserverpb::RangeRequest& request, etcdserverpb::RangeResponse* response,
             rpc::Done done);
  // InvalidArgument for what it does not have: leases, and values kept from before.
  void Put(const etcdserverpb::PutRequest& request, etcdserverpb::PutResponse* response,
           rpc::Done done);

 private:
  void AnswerRange(const etcdserverpb::RangeRequest& request, etcdserverpb::RangeResponse* response,
                   rpc::Done done) const;
  absl::Status FillHeader(etcdserverpb::ResponseHeader* header) const;

  const MemberList* const members_;
  const Leadership* const leadership_;
  MetaStore* const store_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_API_ETCD_API_H_
