#include "store/bootstrap.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/checksum.h"
#include "common/base/coding.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "store/ask_pd.h"
#include "store/region/region_storage.h"

namespace flotilla::store {
namespace {

constexpr std::string_view kLockFile = "LOCK";
constexpr std::string_view kIdentityFile = "IDENTITY";
constexpr std::string_view kIdentityMagic = "flotilla-store 1\n";
constexpr uint64_t kMaxIdentityBytes = 4096;
// In the meta column family: "the region of this id may be the cluster's first one".
constexpr std::string_view kBootstrapMark = "b";

std::string PathOf(const std::string& dir, std::string_view name) {
  return absl::StrCat(dir, "/", std::string(name));
}

std::string EncodeIdentity(const StoreIdentity& identity) {
  std::string out(kIdentityMagic);
  PutBigEndian64(out, identity.cluster_id.value());
  PutBigEndian64(out, identity.store_id.value());
  out.push_back(static_cast<char>(identity.api_version));
  PutBigEndian64(out, Xxh3(out));
  return out;
}

absl::StatusOr<StoreIdentity> DecodeIdentity(std::string_view data) {
  const auto malformed = absl::DataLossError("the identity file is damaged");
  constexpr size_t kChecksumBytes = 8;
  if (data.size() != kIdentityMagic.size() + 17 + kChecksumBytes ||
      data.substr(0, kIdentityMagic.size()) != kIdentityMagic) {
    return malformed;
  }
  std::string_view body = data.substr(0, data.size() - kChecksumBytes);
  std::string_view tail = data.substr(body.size());
  uint64_t checksum = 0;
  uint64_t cluster_id = 0;
  uint64_t store_id = 0;
  GetBigEndian64(tail, checksum);
  if (checksum != Xxh3(body)) return malformed;
  body.remove_prefix(kIdentityMagic.size());
  GetBigEndian64(body, cluster_id);
  GetBigEndian64(body, store_id);
  return StoreIdentity{ClusterId(cluster_id), StoreId(store_id),
                       static_cast<ApiVersion>(body.front())};
}

absl::Status CheckEmpty(const env::FileSystem& files, const std::string& dir) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(dir));
  for (const std::string& name : names) {
    // A crash while the identity was written leaves its temporary file.
    if (name == kLockFile || name == absl::StrCat(std::string(kIdentityFile), ".tmp")) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("data directory ", dir, " has no identity of a store, but it holds \"", name,
                     "\": it is not a store's"));
  }
  return absl::OkStatus();
}

absl::Status CheckIdentity(const StoreIdentity& identity, const std::string& dir,
                           ClusterId cluster_id, ApiVersion api_version) {
  if (identity.cluster_id != cluster_id) {
    return absl::FailedPreconditionError(
        absl::StrCat("data directory ", dir, " belongs to cluster ", identity.cluster_id.value(),
                     ", PD is of cluster ", cluster_id.value()));
  }
  if (identity.api_version != api_version) {
    return absl::FailedPreconditionError(
        absl::StrCat("data directory ", dir, " holds keys of API version ",
                     static_cast<int>(identity.api_version), ", the configuration says ",
                     static_cast<int>(api_version)));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> AllocId(pdclient::PdClient& pd) {
  return AskUntilAnswered<absl::StatusOr<uint64_t>>(
      "an id", [&pd](auto done) { pd.AllocIds(1, std::move(done)); });
}

absl::StatusOr<std::optional<RegionState>> LoadMarked(const engine::KvEngine& engine) {
  ASSIGN_OR_RETURN(const auto mark, engine.Get(engine::ColumnFamily::kMeta, kBootstrapMark));
  if (!mark.has_value()) return std::nullopt;
  std::string_view rest = *mark;
  uint64_t region_id = 0;
  if (!GetBigEndian64(rest, region_id)) return absl::DataLossError("a malformed bootstrap mark");
  return LoadRegionState(engine, RegionId(region_id));
}

absl::StatusOr<RegionState> PrepareFirstRegion(engine::KvEngine& engine, pdclient::PdClient& pd,
                                               StoreId store_id) {
  ASSIGN_OR_RETURN(const uint64_t region_id, AllocId(pd));
  ASSIGN_OR_RETURN(const uint64_t peer_id, AllocId(pd));
  RegionState state{RegionState::Kind::kNormal, PeerId(peer_id), {}};
  state.region.set_id(region_id);
  state.region.mutable_region_epoch()->set_conf_ver(1);
  state.region.mutable_region_epoch()->set_version(1);
  metapb::Peer* peer = state.region.add_peers();
  peer->set_id(peer_id);
  peer->set_store_id(store_id.value());
  std::string mark;
  PutBigEndian64(mark, region_id);
  const auto batch = engine.NewBatch();
  PutRegionState(*batch, state);
  PutApplied(*batch, RegionId(region_id), kInitialPosition);
  batch->Put(engine::ColumnFamily::kMeta, kBootstrapMark, mark);
  RETURN_IF_ERROR(engine.Write(*batch));
  RETURN_IF_ERROR(engine.Flush());
  return state;
}

absl::Status RemoveMark(engine::KvEngine& engine, const RegionState& state, bool keep_region) {
  const auto batch = engine.NewBatch();
  if (!keep_region) DeleteRegionRecords(*batch, RegionId(state.region.id()));
  batch->Delete(engine::ColumnFamily::kMeta, kBootstrapMark);
  RETURN_IF_ERROR(engine.Write(*batch));
  return engine.Flush();
}

absl::StatusOr<bool> IsBootstrapped(pdclient::PdClient& pd) {
  return AskUntilAnswered<absl::StatusOr<bool>>(
      "is the cluster bootstrapped", [&pd](auto done) { pd.IsBootstrapped(std::move(done)); });
}

// Did PD take the marked region as the first one, in a start that was interrupted?
absl::StatusOr<bool> IsKnownToPd(pdclient::PdClient& pd, const RegionState& state) {
  const auto region = AskUntilAnswered<absl::StatusOr<pdpb::Region>>(
      "the first region",
      [&](auto done) { pd.GetRegionById(RegionId(state.region.id()), std::move(done)); });
  if (absl::IsNotFound(region.status())) return false;
  RETURN_IF_ERROR(region.status());
  return region->region().id() == state.region.id();
}

}  // namespace

absl::StatusOr<std::unique_ptr<env::FileLock>> LockDataDir(env::FileSystem& files,
                                                           const std::string& dir) {
  RETURN_IF_ERROR(files.CreateDir(dir));
  auto lock = files.Lock(PathOf(dir, kLockFile));
  if (absl::IsUnavailable(lock.status())) {
    return absl::UnavailableError(
        absl::StrCat("data directory ", dir, " is in use by another process"));
  }
  return lock;
}

absl::StatusOr<ClusterId> WaitForPd(pdclient::PdClient& pd) {
  const auto members = AskUntilAnswered<absl::StatusOr<pdpb::GetMembersResponse>>(
      "PD's members", [&pd](auto done) { pd.GetMembers(std::move(done)); });
  RETURN_IF_ERROR(members.status());
  const ClusterId cluster_id(members->header().cluster_id());
  if (cluster_id == ClusterId(0)) return absl::InternalError("PD names no cluster id");
  return cluster_id;
}

absl::StatusOr<StoreIdentity> EnsureIdentity(env::FileSystem& files, const std::string& dir,
                                             pdclient::PdClient& pd, ApiVersion api_version) {
  const std::string path = PathOf(dir, kIdentityFile);
  if (!files.Exists(path)) RETURN_IF_ERROR(CheckEmpty(files, dir));
  ASSIGN_OR_RETURN(const ClusterId cluster_id, WaitForPd(pd));
  if (files.Exists(path)) {
    ASSIGN_OR_RETURN(const std::string data, env::ReadFile(files, path, kMaxIdentityBytes));
    ASSIGN_OR_RETURN(const StoreIdentity identity, DecodeIdentity(data));
    RETURN_IF_ERROR(CheckIdentity(identity, dir, cluster_id, api_version));
    return identity;
  }
  ASSIGN_OR_RETURN(const uint64_t store_id, AllocId(pd));
  const StoreIdentity identity{cluster_id, StoreId(store_id), api_version};
  RETURN_IF_ERROR(env::WriteFileAtomically(files, path, EncodeIdentity(identity)));
  LOG_INFO("this is store {} of cluster {}", identity.store_id, identity.cluster_id);
  return identity;
}

absl::Status EnsureClusterBootstrapped(engine::KvEngine& engine, pdclient::PdClient& pd,
                                       const metapb::Store& self) {
  ASSIGN_OR_RETURN(std::optional<RegionState> marked, LoadMarked(engine));
  ASSIGN_OR_RETURN(const bool bootstrapped, IsBootstrapped(pd));
  if (bootstrapped) {
    if (!marked.has_value()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const bool ours, IsKnownToPd(pd, *marked));
    return RemoveMark(engine, *marked, ours);
  }
  if (!marked.has_value()) {
    ASSIGN_OR_RETURN(marked, PrepareFirstRegion(engine, pd, StoreId(self.id())));
  }
  const absl::Status status = AskUntilAnswered<absl::Status>(
      "bootstrapping the cluster",
      [&](auto done) { pd.Bootstrap(self, marked->region, std::move(done)); });
  if (status.ok()) {
    LOG_INFO("the cluster begins with region {}", marked->region.id());
    return RemoveMark(engine, *marked, /*keep_region=*/true);
  }
  if (!absl::IsAlreadyExists(status)) return status;
  // Another store was faster, or an attempt of ours whose answer was lost.
  ASSIGN_OR_RETURN(const bool ours, IsKnownToPd(pd, *marked));
  return RemoveMark(engine, *marked, ours);
}

}  // namespace flotilla::store
