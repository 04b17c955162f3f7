// Timestamps. A refusal is always the RPC's own status: clients look at nothing else.
//
// Thread-safe.
#ifndef FLOTILLA_PD_API_TSO_API_H_
#define FLOTILLA_PD_API_TSO_API_H_

#include "pd/api/request_guard.h"

namespace flotilla::pd {

class TsoApi {
 public:
  // `guard` must outlive the API.
  explicit TsoApi(const RequestGuard* guard) : guard_(guard) {}

  // One message of the Tso stream. The answer's logical part is the largest of the batch.
  void Tso(const pdpb::TsoRequest& request, pdpb::TsoResponse* response, rpc::Done done);
  // The newest timestamp that is safe to read at: there is one source only, so it is its next.
  void GetMinTS(const pdpb::GetMinTSRequest& request, pdpb::GetMinTSResponse* response,
                rpc::Done done);

 private:
  template <typename Response>
  void Answer(const pdpb::RequestHeader& header, uint32_t count, Response* response,
              rpc::Done done);

  const RequestGuard* const guard_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_API_TSO_API_H_
