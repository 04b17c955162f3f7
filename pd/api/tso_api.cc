#include "pd/api/tso_api.h"

#include <utility>

namespace flotilla::pd {

template <typename Response>
void TsoApi::Answer(const pdpb::RequestHeader& header, uint32_t count, Response* response,
                    rpc::Done done) {
  const std::shared_ptr<LeaderState> state =
      guard_->Enter(header, response->mutable_header(), done);
  if (state == nullptr) return;
  state->tso->Allocate(count, [this, state, response, done = std::move(done)](
                                  absl::StatusOr<Timestamp> timestamp) mutable {
    if (!timestamp.ok()) {
      std::move(done)(timestamp.status());
      return;
    }
    // The timestamp was taken while the lease held, or not: only now can it be known. If the lease
    // has run out meanwhile, another leader may have handed out later ones already.
    if (!guard_->StillLeads(*state)) {
      std::move(done)(NotLeaderStatus());
      return;
    }
    response->mutable_timestamp()->set_physical(timestamp->physical_ms);
    response->mutable_timestamp()->set_logical(timestamp->logical);
    std::move(done)(absl::OkStatus());
  });
}

void TsoApi::Tso(const pdpb::TsoRequest& request, pdpb::TsoResponse* response, rpc::Done done) {
  response->set_count(request.count());
  Answer(request.header(), request.count(), response, std::move(done));
}

void TsoApi::GetMinTS(const pdpb::GetMinTSRequest& request, pdpb::GetMinTSResponse* response,
                      rpc::Done done) {
  Answer(request.header(), 1, response, std::move(done));
}

}  // namespace flotilla::pd
