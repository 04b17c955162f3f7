// The one place that makes and reads region errors. Any thread; no state.

#include "common/errors/region_error.h"

#include <fmt/format.h>

#include <optional>

#include "absl/strings/cord.h"
#include "common/base/bytes.h"
#include "common/base/check.h"
#include "tikv/errorpb.pb.h"

namespace flotilla::errors {
namespace {

// Names the payload of a Status; never on the wire.
constexpr std::string_view kPayloadUrl = "flotilla/errorpb.Error";

// What clients of the public protocol look for, to the letter.
constexpr std::string_view kDeadlineMessage = "Deadline is exceeded";

// The code serves callers inside the process that do not look at the arm.
absl::StatusCode CodeOf(const errorpb::Error& error) {
  if (error.has_undetermined_result()) return absl::StatusCode::kUnknown;
  if (error.has_raft_entry_too_large()) return absl::StatusCode::kInvalidArgument;
  if (error.has_key_not_in_region()) return absl::StatusCode::kOutOfRange;
  if (error.has_region_not_found()) return absl::StatusCode::kNotFound;
  if (error.has_disk_full() || error.has_server_is_busy()) {
    return absl::StatusCode::kResourceExhausted;
  }
  if (error.has_store_not_match() || error.has_mismatch_peer_id()) {
    return absl::StatusCode::kFailedPrecondition;
  }
  if (error.message() == kDeadlineMessage) return absl::StatusCode::kDeadlineExceeded;
  return absl::StatusCode::kUnavailable;
}

std::string HexKey(std::string_view key) {
  std::string text;
  for (const unsigned char c : key) text += fmt::format("{:02x}", c);
  return text;
}

}  // namespace

absl::Status FromRegionError(const errorpb::Error& error) {
  const std::string_view message = error.message().empty() ? std::string_view("region error")
                                                           : std::string_view(error.message());
  absl::Status status(CodeOf(error), ToAbsl(message));
  status.SetPayload(ToAbsl(kPayloadUrl), absl::Cord(error.SerializeAsString()));
  return status;
}

bool ToRegionError(const absl::Status& status, errorpb::Error* error) {
  if (status.ok()) return false;
  const absl::optional<absl::Cord> payload = status.GetPayload(ToAbsl(kPayloadUrl));
  if (payload.has_value()) {
    CHECK(error->ParseFromString(std::string(*payload)));
    return true;
  }
  if (absl::IsDeadlineExceeded(status)) {
    error->Clear();
    error->set_message(std::string(kDeadlineMessage));
    return true;
  }
  return false;
}

absl::Status NotLeader(RegionId region_id, const metapb::Peer* leader) {
  errorpb::Error error;
  auto* arm = error.mutable_not_leader();
  arm->set_region_id(region_id.value());
  if (leader != nullptr && leader->id() != 0) {
    *arm->mutable_leader() = *leader;
    error.set_message(fmt::format("not leader of region {}: peer {} on store {} is",
                                  region_id.value(), leader->id(), leader->store_id()));
  } else {
    error.set_message(
        fmt::format("not leader of region {}: the leader is not known", region_id.value()));
  }
  return FromRegionError(error);
}

absl::Status RegionNotFound(RegionId region_id) {
  errorpb::Error error;
  error.set_message(fmt::format("region {} is not on this store", region_id.value()));
  error.mutable_region_not_found()->set_region_id(region_id.value());
  return FromRegionError(error);
}

absl::Status RegionNotInitialized(RegionId region_id) {
  errorpb::Error error;
  error.set_message(
      fmt::format("region {} waits for its first snapshot on this store", region_id.value()));
  error.mutable_region_not_initialized()->set_region_id(region_id.value());
  return FromRegionError(error);
}

absl::Status KeyNotInRegion(std::string_view key, const metapb::Region& region) {
  errorpb::Error error;
  error.set_message(fmt::format("key {} is not in region {} [{}, {})", HexKey(key), region.id(),
                                HexKey(region.start_key()), HexKey(region.end_key())));
  auto* arm = error.mutable_key_not_in_region();
  arm->set_key(std::string(key));
  arm->set_region_id(region.id());
  arm->set_start_key(region.start_key());
  arm->set_end_key(region.end_key());
  return FromRegionError(error);
}

absl::Status EpochNotMatch(std::string message, const std::vector<metapb::Region>& current) {
  errorpb::Error error;
  error.set_message(std::move(message));
  auto* arm = error.mutable_epoch_not_match();
  for (const metapb::Region& region : current) *arm->add_current_regions() = region;
  return FromRegionError(error);
}

absl::Status ServerIsBusy(std::string reason, uint64_t backoff_ms) {
  errorpb::Error error;
  error.set_message(fmt::format("server is busy: {}", reason));
  auto* arm = error.mutable_server_is_busy();
  arm->set_reason(std::move(reason));
  arm->set_backoff_ms(backoff_ms);
  return FromRegionError(error);
}

absl::Status StaleCommand() {
  errorpb::Error error;
  error.set_message("stale command: given up before it was proposed");
  error.mutable_stale_command();
  return FromRegionError(error);
}

absl::Status StoreNotMatch(StoreId request, StoreId actual) {
  errorpb::Error error;
  error.set_message(fmt::format("the request is for store {}, this is store {}", request, actual));
  auto* arm = error.mutable_store_not_match();
  arm->set_request_store_id(request.value());
  arm->set_actual_store_id(actual.value());
  return FromRegionError(error);
}

absl::Status MismatchPeerId(PeerId request, PeerId actual) {
  errorpb::Error error;
  error.set_message(
      fmt::format("the request is for peer {}, this store holds peer {}", request, actual));
  auto* arm = error.mutable_mismatch_peer_id();
  arm->set_request_peer_id(request.value());
  arm->set_store_peer_id(actual.value());
  return FromRegionError(error);
}

absl::Status RaftEntryTooLarge(RegionId region_id, uint64_t entry_bytes, uint64_t limit_bytes) {
  errorpb::Error error;
  error.set_message(fmt::format("entry of {} bytes for region {} is over the limit of {} bytes",
                                entry_bytes, region_id, limit_bytes));
  auto* arm = error.mutable_raft_entry_too_large();
  arm->set_region_id(region_id.value());
  arm->set_entry_size(entry_bytes);
  return FromRegionError(error);
}

absl::Status ReadIndexNotReady(RegionId region_id, std::string reason) {
  errorpb::Error error;
  error.set_message(fmt::format("read index of region {} is not ready: {}", region_id, reason));
  auto* arm = error.mutable_read_index_not_ready();
  arm->set_region_id(region_id.value());
  arm->set_reason(std::move(reason));
  return FromRegionError(error);
}

absl::Status DiskFull(StoreId store_id, std::string reason) {
  errorpb::Error error;
  error.set_message(fmt::format("disk of store {} is full: {}", store_id, reason));
  auto* arm = error.mutable_disk_full();
  arm->add_store_id(store_id.value());
  arm->set_reason(std::move(reason));
  return FromRegionError(error);
}

absl::Status Undetermined(std::string message) {
  errorpb::Error error;
  error.mutable_undetermined_result()->set_message(message);
  error.set_message(std::move(message));
  return FromRegionError(error);
}

bool IsUndetermined(const absl::Status& status) {
  errorpb::Error error;
  return ToRegionError(status, &error) && error.has_undetermined_result();
}

}  // namespace flotilla::errors
