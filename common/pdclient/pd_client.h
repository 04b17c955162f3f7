// What stores, the SDK and the command line ask of PD.
//
// The typed calls are written once, over the virtual Call, which carries any method of PD's
// services: GrpcPdClient does so over the network and follows the leader; a simulator hands the
// request to the handlers of a PD in the same process.
//
// Thread-safe. Nothing blocks: each callback is called exactly once, on a thread of the client's,
// which it must not block; a call that finds no leader in time ends with Unavailable or
// DeadlineExceeded. Errors that PD puts in the response's header come back as statuses:
//   FailedPrecondition  the cluster is not bootstrapped
//   AlreadyExists       it is already; the name is taken
//   NotFound            no such region, store (or a tombstone), keyspace
//   InvalidArgument     PD refused a value
//   Unknown             anything else, with PD's words
#ifndef FLOTILLA_COMMON_PDCLIENT_PD_CLIENT_H_
#define FLOTILLA_COMMON_PDCLIENT_PD_CLIENT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/base/key_range.h"
#include "flotilla/repair.pb.h"
#include "flotilla/store_registry.pb.h"
#include "tikv/keyspacepb.pb.h"
#include "tikv/metapb.pb.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::pdclient {

template <typename T>
using Callback = absl::AnyInvocable<void(absl::StatusOr<T>) &&>;
using StatusCallback = absl::AnyInvocable<void(absl::Status) &&>;

// A timestamp in one number: milliseconds since the Unix epoch, shifted by 18 bits, and a counter.
using Timestamp = uint64_t;
inline constexpr int kTimestampLogicalBits = 18;

// What comes back on the region heartbeat stream. Called on a thread of the client's.
class HeartbeatListener {
 public:
  virtual ~HeartbeatListener() = default;
  virtual void OnInstruction(pdpb::RegionHeartbeatResponse instruction) = 0;
  // A stream to a leader is up, perhaps a new one that knows no region's leader yet: heartbeat
  // every region that is led here.
  virtual void OnHeartbeatStreamUp() = 0;
};

class PdClient {
 public:
  using Message = google::protobuf::Message;

  virtual ~PdClient() = default;

  // 0 until PD was reached for the first time.
  virtual ClusterId cluster_id() const = 0;

  // --- Members
  // -------------------------------------------------------------------------------------
  void GetMembers(Callback<pdpb::GetMembersResponse> done);

  // --- Routes. A pdpb::Region has the leader, if known, and down and pending peers
  // ---------------- `key` as in region metadata: encoded where the API version says so.
  void GetRegion(std::string_view key, Callback<pdpb::Region> done);
  // The region before the one that holds `key`.
  void GetPrevRegion(std::string_view key, Callback<pdpb::Region> done);
  void GetRegionById(RegionId region_id, Callback<pdpb::Region> done);
  // In key order, from the region that holds range.start on. `limit` 0: as many as PD gives.
  void ScanRegions(const KeyRange& range, int limit, Callback<std::vector<pdpb::Region>> done);

  // --- Stores
  // --------------------------------------------------------------------------------------
  void GetStore(StoreId store_id, Callback<metapb::Store> done);
  // What the store last told PD; empty if it told this leader nothing yet.
  void GetStoreStats(StoreId store_id, Callback<pdpb::StoreStats> done);
  void GetAllStores(bool exclude_tombstones, Callback<std::vector<metapb::Store>> done);
  void PutStore(const metapb::Store& store, StatusCallback done);
  void StoreHeartbeat(const pdpb::StoreStats& stats, Callback<pdpb::StoreHeartbeatResponse> done);

  // The store is gone for good: PD makes its replicas anew and refuses it from then on. Gives how
  // many these are. Unknown: PD still hears of it, or a region would have no majority.
  void DeclareLost(StoreId store_id, Callback<uint64_t> done);

  // A store's start, and how far its log has come: see proto/flotilla/store_registry.proto.
  void RegisterStore(registry::v1::RegisterRequest start,
                     Callback<registry::v1::RegisterResponse> done);
  void SaveStorePosition(registry::v1::SavePositionRequest position,
                         Callback<registry::v1::SavePositionResponse> done);

  // --- Replicas that differ, and their repair
  // What a comparison of a region's replicas found.
  void ReportCheck(const repair::v1::Comparison& comparison, StatusCallback done);
  void GetChecks(Callback<std::vector<repair::v1::RegionCheck>> done);
  // Begins to make the region's replica on that store anew. AlreadyExists: the region has an
  // operator under way. NotFound: no replica there. Unknown: it cannot be done now.
  void RebuildReplica(RegionId region_id, StoreId store_id,
                      Callback<repair::v1::RebuildReplicaResponse> done);

  // --- The cluster's birth, and ids
  // ----------------------------------------------------------------
  void IsBootstrapped(Callback<bool> done);
  void Bootstrap(const metapb::Store& store, const metapb::Region& region, StatusCallback done);
  // The first of `count` ids in a row, none of which was given out before.
  void AllocIds(uint32_t count, Callback<uint64_t> done);

  // --- Splits and moves
  // ----------------------------------------------------------------------------
  void AskBatchSplit(const metapb::Region& region, uint32_t count, pdpb::SplitReason reason,
                     Callback<std::vector<pdpb::SplitID>> done);
  void ReportBatchSplit(const std::vector<metapb::Region>& regions, StatusCallback done);
  // PD splits at these keys (encoded as in region metadata) and answers when it is done.
  void SplitRegions(const std::vector<std::string>& keys,
                    Callback<pdpb::SplitRegionsResponse> done);
  void ScatterRegions(const std::vector<RegionId>& regions, StatusCallback done);
  void GetOperator(RegionId region_id, Callback<pdpb::GetOperatorResponse> done);

  // --- Keyspaces
  // -----------------------------------------------------------------------------------
  void LoadKeyspace(std::string_view name, Callback<keyspacepb::KeyspaceMeta> done);
  void GetAllKeyspaces(Callback<std::vector<keyspacepb::KeyspaceMeta>> done);
  void CreateKeyspace(std::string_view name, const std::map<std::string, std::string>& config,
                      Callback<keyspacepb::KeyspaceMeta> done);

  // --- Streams
  // ------------------------------------------------------------------------------------- The
  // largest of `count` timestamps in a row. REQUIRES: 0 < count <= 10'000.
  virtual void GetTimestamps(uint32_t count, Callback<Timestamp> done) = 0;

  // May be lost while no leader is reachable; of several of one region that wait, the last is sent.
  virtual void SendRegionHeartbeat(pdpb::RegionHeartbeatRequest heartbeat) = 0;
  // Opens the heartbeat stream and keeps it open. Set once; `listener` must outlive the client.
  virtual void SetHeartbeatListener(HeartbeatListener* listener) = 0;

  // Any unary method of PD's, such as "pdpb.PD/GetGCState": fills in the request's header and turns
  // the response's header error into a status. For methods that have no typed call above.
  template <typename Request, typename Response>
  void CallMethod(std::string_view method, Request request, Callback<Response> done);

  // Carries `request`, whose header's cluster_id the implementation sets, to PD's leader (a
  // GetMembers to any member) and fills `response`; `done` is called with the RPC's status or,
  // when it was OK, with HeaderStatus of the response's header.
  virtual void Call(std::string_view method, std::unique_ptr<Message> request,
                    std::unique_ptr<Message> response,
                    absl::AnyInvocable<void(absl::Status, std::unique_ptr<Message>) &&> done) = 0;
};

// The status that a response's header means; OK when it has no error.
absl::Status HeaderStatus(const pdpb::ResponseHeader& header);

template <typename Request, typename Response>
void PdClient::CallMethod(std::string_view method, Request request, Callback<Response> done) {
  Call(method, std::make_unique<Request>(std::move(request)), std::make_unique<Response>(),
       [done = std::move(done)](absl::Status status, std::unique_ptr<Message> response) mutable {
         if (!status.ok()) {
           std::move(done)(std::move(status));
         } else {
           std::move(done)(std::move(*static_cast<Response*>(response.get())));
         }
       });
}

}  // namespace flotilla::pdclient

#endif  // FLOTILLA_COMMON_PDCLIENT_PD_CLIENT_H_
