#include "pd/api/keyspace_api.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "pd/api/propose.h"
#include "pd/keyspace/keyspace_rules.h"

namespace flotilla::pd {
namespace {

void Answer(absl::StatusOr<std::optional<keyspacepb::KeyspaceMeta>> found, std::string_view what,
            keyspacepb::LoadKeyspaceResponse* response, rpc::Done done) {
  absl::Status status = found.status();
  if (status.ok() && !found->has_value()) {
    status = absl::NotFoundError(absl::StrCat("keyspace ", ToAbsl(what), " does not exist"));
  }
  if (!status.ok()) {
    FinishWithError(status, response->mutable_header(), std::move(done));
    return;
  }
  *response->mutable_keyspace() = **std::move(found);
  std::move(done)(absl::OkStatus());
}

absl::Status CheckConfig(const google::protobuf::Map<std::string, std::string>& config) {
  size_t bytes = 0;
  for (const auto& [key, value] : config) bytes += key.size() + value.size();
  if (config.size() <= kMaxKeyspaceConfigEntries && bytes <= kMaxKeyspaceConfigBytes) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "keyspace configuration of ", config.size(), " entries and ", bytes,
      " bytes, the limits are ", kMaxKeyspaceConfigEntries, " and ", kMaxKeyspaceConfigBytes));
}

}  // namespace

void KeyspaceApi::LoadKeyspace(const keyspacepb::LoadKeyspaceRequest& request,
                               keyspacepb::LoadKeyspaceResponse* response, rpc::Done done) {
  const auto state = guard_->Enter(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  // No name is the default keyspace's.
  const std::string name =
      request.name().empty() ? std::string(kDefaultKeyspaceName) : request.name();
  Answer(store_->reader().KeyspaceByName(name), absl::StrCat("\"", name, "\""), response,
         std::move(done));
}

void KeyspaceApi::LoadKeyspaceByID(const keyspacepb::LoadKeyspaceByIDRequest& request,
                                   keyspacepb::LoadKeyspaceResponse* response, rpc::Done done) {
  const auto state = guard_->Enter(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  Answer(store_->reader().Keyspace(request.id()), absl::StrCat(request.id()), response,
         std::move(done));
}

void KeyspaceApi::GetAllKeyspaces(const keyspacepb::GetAllKeyspacesRequest& request,
                                  keyspacepb::GetAllKeyspacesResponse* response, rpc::Done done) {
  const auto state = guard_->Enter(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  const size_t limit = request.limit() == 0
                           ? kMaxKeyspacesPerPage
                           : std::min<size_t>(request.limit(), kMaxKeyspacesPerPage);
  auto keyspaces = store_->reader().Keyspaces(request.start_id(), limit);
  if (!keyspaces.ok()) {
    std::move(done)(keyspaces.status());
    return;
  }
  for (keyspacepb::KeyspaceMeta& keyspace : *keyspaces) {
    *response->add_keyspaces() = std::move(keyspace);
  }
  std::move(done)(absl::OkStatus());
}

void KeyspaceApi::UpdateKeyspaceState(const keyspacepb::UpdateKeyspaceStateRequest& request,
                                      keyspacepb::UpdateKeyspaceStateResponse* response,
                                      rpc::Done done) {
  auto state = guard_->Enter(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  meta::v1::Command command;
  command.mutable_update_keyspace_state()->set_id(request.id());
  command.mutable_update_keyspace_state()->set_state(request.state());
  ProposeThen(store_, std::move(state), std::move(command), response->mutable_header(),
              std::move(done), [response](const meta::v1::Result& result) {
                *response->mutable_keyspace() = result.keyspace();
              });
}

void KeyspaceApi::CreateKeyspace(const keyspace::v1::CreateKeyspaceRequest& request,
                                 keyspace::v1::CreateKeyspaceResponse* response, rpc::Done done) {
  auto state = guard_->Enter(request.header(), response->mutable_header(), done);
  if (state == nullptr) return;
  absl::Status status = CheckKeyspaceName(request.name());
  if (status.ok()) status = CheckConfig(request.config());
  if (!status.ok()) {
    FinishWithError(status, response->mutable_header(), std::move(done));
    return;
  }
  meta::v1::Command command;
  command.mutable_create_keyspace()->set_name(request.name());
  *command.mutable_create_keyspace()->mutable_config() = request.config();
  auto on_result = [state, response](const meta::v1::Result& result) {
    state->coordinator->AddBoundaries(KeyspaceBoundaries(KeyspaceId(result.keyspace().id())));
    *response->mutable_keyspace() = result.keyspace();
  };
  ProposeThen(store_, state, std::move(command), response->mutable_header(), std::move(done),
              std::move(on_result));
}

}  // namespace flotilla::pd
