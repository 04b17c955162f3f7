#include "client/reaction.h"

#include <spdlog/fmt/fmt.h>

#include <string>
#include <utility>

#include "client/store_rpc.h"
#include "common/errors/region_error.h"

namespace flotilla::client {
namespace {

using Repair = Reaction::Repair;

PeerRoute ToPeer(const metapb::Peer& peer) {
  return {PeerId(peer.id()), StoreId(peer.store_id()), peer.role() != metapb::PeerRole::Learner};
}

Reaction Retry(const char* arm, Repair repair, BackoffKind backoff, const errorpb::Error& error,
               std::string detail = "") {
  Reaction reaction;
  reaction.arm = arm;
  reaction.repair = repair;
  reaction.backoff = backoff;
  if (detail.empty()) detail = error.message();
  reaction.error = absl::UnavailableError(fmt::format("{}: {}", arm, detail));
  return reaction;
}

Reaction Fail(const char* arm, absl::Status error) {
  Reaction reaction;
  reaction.retry = false;
  reaction.arm = arm;
  reaction.error = std::move(error);
  return reaction;
}

Reaction ReactToNotLeader(const errorpb::Error& error) {
  const errorpb::NotLeader& not_leader = error.not_leader();
  if (!not_leader.has_leader() || not_leader.leader().id() == 0) {
    return Retry("not_leader", Repair::kNextPeer, BackoffKind::kNoLeader, error,
                 fmt::format("region {} has no leader that is known", not_leader.region_id()));
  }
  Reaction reaction = Retry("not_leader", Repair::kSwitchLeader, BackoffKind::kNone, error,
                            fmt::format("region {} is led by store {}", not_leader.region_id(),
                                        not_leader.leader().store_id()));
  reaction.leader = ToPeer(not_leader.leader());
  return reaction;
}

Reaction ReactToEpochNotMatch(const errorpb::Error& error) {
  Reaction reaction = Retry("epoch_not_match", Repair::kReplace, BackoffKind::kNone, error);
  for (const metapb::Region& region : error.epoch_not_match().current_regions()) {
    reaction.regions.push_back(ToRoute(region, nullptr));
  }
  if (reaction.regions.empty()) reaction.backoff = BackoffKind::kRegionMiss;
  return reaction;
}

Reaction ReactToBusy(const errorpb::Error& error) {
  const errorpb::ServerIsBusy& busy = error.server_is_busy();
  Reaction reaction =
      Retry("server_is_busy", Repair::kNone, BackoffKind::kServerBusy, error, busy.reason());
  const uint64_t wait_ms = std::max<uint64_t>(busy.backoff_ms(), busy.estimated_wait_ms());
  reaction.least_wait = std::chrono::milliseconds(wait_ms);
  return reaction;
}

Reaction ReactToMessage(const errorpb::Error& error) {
  Reaction reaction = Retry("message", Repair::kNextPeer, BackoffKind::kRegionMiss, error);
  // The store gave up on a request that it may have proposed.
  reaction.maybe_applied = error.message().find("eadline is exceeded") != std::string::npos;
  return reaction;
}

// Arms after which the client asks again without learning anything from them.
Reaction ReactToTransientArm(const errorpb::Error& error) {
  if (error.has_max_timestamp_not_synced()) {
    return Retry("max_timestamp_not_synced", Repair::kNone, BackoffKind::kNotReady, error);
  }
  if (error.has_read_index_not_ready()) {
    return Retry("read_index_not_ready", Repair::kNone, BackoffKind::kNotReady, error,
                 error.read_index_not_ready().reason());
  }
  if (error.has_proposal_in_merging_mode()) {
    return Retry("proposal_in_merging_mode", Repair::kNone, BackoffKind::kNotReady, error);
  }
  if (error.has_data_is_not_ready()) {
    return Retry("data_is_not_ready", Repair::kNextPeer, BackoffKind::kNone, error);
  }
  if (error.has_region_not_initialized()) {
    return Retry("region_not_initialized", Repair::kNextPeer, BackoffKind::kRegionInitializing,
                 error);
  }
  if (error.has_disk_full()) {
    return Retry("disk_full", Repair::kNone, BackoffKind::kDiskFull, error,
                 error.disk_full().reason());
  }
  if (error.has_recoveryinprogress()) {
    return Retry("recovery_in_progress", Repair::kNone, BackoffKind::kRecovery, error);
  }
  if (error.has_is_witness()) {
    return Retry("is_witness", Repair::kNextPeer, BackoffKind::kRecovery, error);
  }
  return ReactToMessage(error);
}

Reaction ReactToFinalArm(const errorpb::Error& error) {
  if (error.has_raft_entry_too_large()) {
    return Fail("raft_entry_too_large",
                absl::InvalidArgumentError(
                    fmt::format("the write is {} bytes, more than the store's entry limit: {}",
                                error.raft_entry_too_large().entry_size(), error.message())));
  }
  if (error.has_undetermined_result()) {
    Reaction reaction =
        Fail("undetermined_result", errors::Undetermined(error.undetermined_result().message()));
    reaction.maybe_applied = true;
    return reaction;
  }
  const char* arm =
      error.has_flashbackinprogress() ? "flashback_in_progress" : "flashback_not_prepared";
  return Fail(arm, absl::FailedPreconditionError(fmt::format("{}: {}", arm, error.message())));
}

}  // namespace

RegionRoute ToRoute(const metapb::Region& region, const metapb::Peer* leader) {
  RegionRoute route;
  route.id = RegionId(region.id());
  route.epoch = {region.region_epoch().conf_ver(), region.region_epoch().version()};
  route.range = {region.start_key(), region.end_key()};
  for (const metapb::Peer& peer : region.peers()) route.peers.push_back(ToPeer(peer));
  if (leader != nullptr) route.leader = PeerId(leader->id());
  return route;
}

Reaction ReactToRegionError(const errorpb::Error& error) {
  if (error.has_not_leader()) return ReactToNotLeader(error);
  if (error.has_epoch_not_match()) return ReactToEpochNotMatch(error);
  if (error.has_server_is_busy()) return ReactToBusy(error);
  if (error.has_region_not_found()) {
    return Retry("region_not_found", Repair::kForget, BackoffKind::kRegionMiss, error);
  }
  if (error.has_key_not_in_region()) {
    return Retry("key_not_in_region", Repair::kForget, BackoffKind::kRegionMiss, error);
  }
  if (error.has_stale_command()) {
    return Retry("stale_command", Repair::kNone, BackoffKind::kNone, error);
  }
  if (error.has_store_not_match()) {
    return Retry("store_not_match", Repair::kStore, BackoffKind::kRegionMiss, error);
  }
  if (error.has_mismatch_peer_id()) {
    return Retry("mismatch_peer_id", Repair::kForget, BackoffKind::kRegionMiss, error);
  }
  if (error.has_bucket_version_not_match()) {
    return Retry("bucket_version_not_match", Repair::kForget, BackoffKind::kRegionMiss, error);
  }
  if (error.has_raft_entry_too_large() || error.has_undetermined_result() ||
      error.has_flashbackinprogress() || error.has_flashbacknotprepared()) {
    return ReactToFinalArm(error);
  }
  return ReactToTransientArm(error);
}

Reaction ReactToRpcError(const absl::Status& status) {
  Reaction reaction;
  reaction.arm = "rpc";
  reaction.error = status;
  reaction.maybe_applied = !rpc::WasNotExecuted(status);
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDeadlineExceeded:
      reaction.repair = Repair::kNextPeer;
      reaction.backoff = BackoffKind::kStoreUnavailable;
      return reaction;
    case absl::StatusCode::kResourceExhausted:
      // A reply that was too large for us may belong to a write that was done.
      reaction.retry = false;
      return reaction;
    default:
      // The server read the request and refused it.
      reaction.retry = false;
      reaction.maybe_applied = false;
      return reaction;
  }
}

}  // namespace flotilla::client
