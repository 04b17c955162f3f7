// A handler's command: proposed in the leader's term, its refusal told in the response.
#ifndef FLOTILLA_PD_API_PROPOSE_H_
#define FLOTILLA_PD_API_PROPOSE_H_

#include <memory>
#include <utility>

#include "pd/api/request_guard.h"
#include "pd/meta/meta_store.h"

namespace flotilla::pd {

// Runs `on_result(const meta::v1::Result&)`, which fills the response, once the command is durable
// and applied, and then answers OK; on failure answers by FinishWithError.
template <typename OnResult>
void ProposeThen(MetaStore* store, std::shared_ptr<LeaderState> state, meta::v1::Command command,
                 pdpb::ResponseHeader* header, rpc::Done done, OnResult on_result) {
  const Term term = state->term;
  store->Propose(
      term, std::move(command),
      [state = std::move(state), header, done = std::move(done),
       on_result = std::move(on_result)](absl::StatusOr<meta::v1::Result> result) mutable {
        if (!result.ok()) {
          FinishWithError(result.status(), header, std::move(done));
          return;
        }
        on_result(*result);
        std::move(done)(absl::OkStatus());
      });
}

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_API_PROPOSE_H_
