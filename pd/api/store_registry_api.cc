#include "pd/api/store_registry_api.h"

#include <utility>

#include "common/base/bytes.h"
#include "pd/api/cluster_api.h"

namespace flotilla::pd {
namespace {

// FailedPrecondition is how the command says that the store was removed.
void FinishRefused(const absl::Status& status, pdpb::ResponseHeader* header, rpc::Done done) {
  if (!absl::IsFailedPrecondition(status)) return FinishWithError(status, header, std::move(done));
  SetHeaderError(header, pdpb::STORE_TOMBSTONE, FromAbsl(status.message()));
  std::move(done)(absl::OkStatus());
}

}  // namespace

void StoreRegistryApi::Register(const registry::v1::RegisterRequest& request,
                                registry::v1::RegisterResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  absl::Status status = CheckStore(request.store());
  if (status.ok() && request.nonce() == 0) {
    status = absl::InvalidArgumentError("a start without a nonce");
  }
  // Before anything is remembered: a copy that is tried out beside the store is not its next start.
  if (status.ok()) status = state->cluster.CheckAddress(request.store());
  if (!status.ok()) {
    FinishWithError(status, response->mutable_header(), std::move(done));
    return;
  }
  meta::v1::Command command;
  meta::v1::RegisterStore* const body = command.mutable_register_store();
  *body->mutable_store() = request.store();
  body->set_generation(request.generation());
  body->set_nonce(request.nonce());
  body->set_position(request.position());
  auto on_done = [this, state, id = request.store().id(), response,
                  done = std::move(done)](absl::StatusOr<meta::v1::Result> result) mutable {
    absl::Status status = result.status();
    if (status.ok() && result->register_store().accepted()) {
      // As it was stored: registering does not change the store's state.
      const auto stored = store_->reader().Store(id);
      status = stored.status();
      if (stored.ok() && stored->has_value()) state->cluster.PutStore(**stored);
      response->set_generation(result->register_store().memory().generation());
    }
    if (!status.ok()) return FinishRefused(status, response->mutable_header(), std::move(done));
    *response->mutable_remembered() = result->register_store().memory();
    std::move(done)(absl::OkStatus());
  };
  store_->Propose(state->term, std::move(command), std::move(on_done));
}

void StoreRegistryApi::SavePosition(const registry::v1::SavePositionRequest& request,
                                    registry::v1::SavePositionResponse* response, rpc::Done done) {
  const auto state = guard_->EnterBootstrapped(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  const auto memory = store_->reader().StoreMemory(request.store_id());
  if (!memory.ok()) return std::move(done)(memory.status());
  if (memory->generation() > request.generation()) {
    response->set_superseded_by(memory->generation());
    return std::move(done)(absl::OkStatus());
  }
  if (memory->position() >= request.position()) return std::move(done)(absl::OkStatus());
  meta::v1::Command command;
  meta::v1::SaveStorePosition* const body = command.mutable_save_store_position();
  body->set_store_id(request.store_id());
  body->set_generation(request.generation());
  body->set_position(request.position());
  store_->Propose(state->term, std::move(command),
                  [response, done = std::move(done)](absl::StatusOr<meta::v1::Result> r) mutable {
                    if (r.ok()) return std::move(done)(absl::OkStatus());
                    FinishWithError(r.status(), response->mutable_header(), std::move(done));
                  });
}

}  // namespace flotilla::pd
