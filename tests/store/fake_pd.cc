#include "tests/store/fake_pd.h"

#include <string>
#include <utility>

#include "pd/meta/store_memory.h"

namespace flotilla::store {

void FakePd::Call(std::string_view method, std::unique_ptr<Message> request,
                  std::unique_ptr<Message> response,
                  absl::AnyInvocable<void(absl::Status, std::unique_ptr<Message>) &&> done) {
  if (!down.ok()) return std::move(done)(down, std::move(response));
  absl::Status status;
  if (method == "pdpb.PD/GetMembers") {
    auto* answer = static_cast<pdpb::GetMembersResponse*>(response.get());
    answer->mutable_header()->set_cluster_id(cluster_id().value());
  } else if (method == "pdpb.PD/AllocID") {
    static_cast<pdpb::AllocIDResponse*>(response.get())->set_id(NextId());
  } else if (method == "pdpb.PD/IsBootstrapped") {
    static_cast<pdpb::IsBootstrappedResponse*>(response.get())
        ->set_bootstrapped(bootstrapped.has_value());
  } else if (method == "pdpb.PD/Bootstrap") {
    const auto& asked = static_cast<const pdpb::BootstrapRequest&>(*request);
    if (bootstrapped.has_value()) {
      status = absl::AlreadyExistsError("bootstrapped");
    } else {
      bootstrapped = asked.region();
    }
  } else if (method == "flotilla.registry.v1.StoreRegistry/Register") {
    status = Register(static_cast<const registry::v1::RegisterRequest&>(*request),
                      static_cast<registry::v1::RegisterResponse*>(response.get()));
  } else if (method == "flotilla.registry.v1.StoreRegistry/SavePosition") {
    const auto& asked = static_cast<const registry::v1::SavePositionRequest&>(*request);
    registry::v1::StoreMemory& memory = memories[asked.store_id()];
    if (memory.generation() > asked.generation()) {
      static_cast<registry::v1::SavePositionResponse*>(response.get())
          ->set_superseded_by(memory.generation());
    } else if (memory.position() < asked.position()) {
      memory.set_position(asked.position());
    }
  } else if (method == "pdpb.PD/GetStore") {
    const auto& asked = static_cast<const pdpb::GetStoreRequest&>(*request);
    *static_cast<pdpb::GetStoreResponse*>(response.get())->mutable_store() =
        stores[asked.store_id()];
  } else if (method == "pdpb.PD/GetRegionByID") {
    const auto& asked = static_cast<const pdpb::GetRegionByIDRequest&>(*request);
    auto* answer = static_cast<pdpb::GetRegionResponse*>(response.get());
    if (const auto it = heartbeats.find(asked.region_id()); it != heartbeats.end()) {
      *answer->mutable_region() = it->second.region();
    } else if (bootstrapped.has_value() && bootstrapped->id() == asked.region_id()) {
      *answer->mutable_region() = *bootstrapped;
    }
  } else if (method == "pdpb.PD/AskBatchSplit") {
    const auto& asked = static_cast<const pdpb::AskBatchSplitRequest&>(*request);
    for (uint32_t i = 0; i < asked.split_count(); ++i) {
      auto* id = static_cast<pdpb::AskBatchSplitResponse*>(response.get())->add_ids();
      id->set_new_region_id(NextId());
      for (int j = 0; j < asked.region().peers_size(); ++j) id->add_new_peer_ids(NextId());
    }
  } else if (method != "pdpb.PD/ReportBatchSplit") {
    status = absl::UnimplementedError(std::string(method));
  }
  std::move(done)(std::move(status), std::move(response));
}

absl::Status FakePd::Register(const registry::v1::RegisterRequest& asked,
                              registry::v1::RegisterResponse* answer) {
  const uint64_t id = asked.store().id();
  const auto known = stores.find(id);
  if (known != stores.end() && known->second.address() != asked.store().address() &&
      refuses_moves > 0) {
    --refuses_moves;
    return absl::AlreadyExistsError("heard of elsewhere");
  }
  meta::v1::RegisterStore start;
  start.set_generation(asked.generation());
  start.set_nonce(asked.nonce());
  start.set_position(asked.position());
  const auto after = pd::AfterStart(memories[id], start);
  if (after.has_value()) {
    stores[id] = asked.store();
    memories[id] = *after;
    answer->set_generation(after->generation());
  }
  *answer->mutable_remembered() = memories[id];
  return absl::OkStatus();
}

}  // namespace flotilla::store
