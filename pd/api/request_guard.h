// What every handler of PD begins with: does this member lead, is the request for this cluster, is
// the cluster bootstrapped? And how errors are told: the RPC's own status for what another member
// or a later try may answer, the response header's error for what the request itself got wrong.
//
// Thread-safe.
#ifndef FLOTILLA_PD_API_REQUEST_GUARD_H_
#define FLOTILLA_PD_API_REQUEST_GUARD_H_

#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "common/rpc/done.h"
#include "pd/meta/leadership.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::pd {

class RequestGuard {
 public:
  // `leadership` must outlive the guard.
  explicit RequestGuard(const Leadership* leadership) : leadership_(leadership) {}

  // The leader's state, with the response's header filled in. Null: `done` was called with
  // Unavailable "not leader" or FailedPrecondition "mismatch cluster id".
  std::shared_ptr<LeaderState> Enter(const pdpb::RequestHeader& request,
                                     pdpb::ResponseHeader* response, rpc::Done& done) const;
  // The same, and null also when the cluster is not bootstrapped, which the header then says.
  std::shared_ptr<LeaderState> EnterBootstrapped(const pdpb::RequestHeader& request,
                                                 pdpb::ResponseHeader* response,
                                                 rpc::Done& done) const;

  bool StillLeads(const LeaderState& state) const { return leadership_->StillLeads(state); }
  absl::Status CheckClusterId(const LeaderState& state, const pdpb::RequestHeader& request) const;
  const Leadership& leadership() const { return *leadership_; }

 private:
  const Leadership* const leadership_;
};

void SetHeaderError(pdpb::ResponseHeader* header, pdpb::ErrorType type, std::string_view message);

// Ends a request whose command was not carried out: a refusal goes into the header, anything else
// (not leader, undetermined, too busy) becomes the RPC's status.
void FinishWithError(const absl::Status& status, pdpb::ResponseHeader* header, rpc::Done done);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_API_REQUEST_GUARD_H_
