// PD's pages for people and their tools, as JSON: /pd/api/v1/{members,stores,regions,health},
// /health, /status, and /metrics.
//
// What only the leader knows is answered 503 by the others, with the leader's address.
//
// Thread-safe.
#ifndef FLOTILLA_PD_HTTP_HTTP_API_H_
#define FLOTILLA_PD_HTTP_HTTP_API_H_

#include <string>

#include "common/env/clock.h"
#include "common/rpc/http_server.h"
#include "pd/meta/leadership.h"
#include "pd/meta/member.h"
#include "pd/meta/meta_store.h"

namespace flotilla::pd {

class HttpApi {
 public:
  // All must outlive the API.
  HttpApi(const env::Clock* clock, const MemberList* members, const Leadership* leadership,
          const MetaStore* store)
      : clock_(clock), members_(members), leadership_(leadership), store_(store) {}

  // The API must outlive the server.
  void Bind(rpc::HttpServer& server);

  rpc::HttpResponse Members() const;
  rpc::HttpResponse Stores() const;
  rpc::HttpResponse Regions() const;
  rpc::HttpResponse Operators() const;
  // 200 while this member knows a leader.
  rpc::HttpResponse Health() const;
  rpc::HttpResponse Status() const;

 private:
  rpc::HttpResponse NotLeader() const;
  uint64_t ClusterIdOrZero() const;

  const env::Clock* const clock_;
  const MemberList* const members_;
  const Leadership* const leadership_;
  const MetaStore* const store_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_HTTP_HTTP_API_H_
