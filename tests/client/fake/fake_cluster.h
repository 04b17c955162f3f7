// A cluster in the process for tests of the client: regions that split and change leaders, stores
// that stop and refuse, and a PD. It answers at once, on the caller's thread.
//
// Routing is checked as a store does it (region, epoch, leader, range); replication is not
// modelled: all stores share one map of keys. Thread-safe.
#ifndef FLOTILLA_TESTS_CLIENT_FAKE_FAKE_CLUSTER_H_
#define FLOTILLA_TESTS_CLIENT_FAKE_FAKE_CLUSTER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "client/key_codec.h"
#include "client/store_rpc.h"
#include "common/base/mutex.h"
#include "flotilla/repair.pb.h"
#include "tikv/errorpb.pb.h"
#include "tikv/keyspacepb.pb.h"
#include "tikv/metapb.pb.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::client::testing {

// What a store does with one request instead of serving it.
struct Script {
  absl::Status rpc_error;        // The RPC fails with it, ...
  bool apply_first = false;      // ... after the command took effect, or ...
  bool arrive_late = false;      // ... while it is still on its way: until DeliverLate.
  errorpb::Error region_error;   // Answered when it is not empty.
  std::function<void()> before;  // Run first, without the cluster's lock.
};

class FakeCluster {
 public:
  struct Entry {
    std::string value;
    uint64_t ttl_seconds = 0;
  };

  // Stores 1 to `stores`, one region (id 1) with a peer on each, led by store 1.
  FakeCluster(KeyCodec codec, int stores);

  // --- Change the cluster ---
  // Splits the region that holds `user_key`; the right half is new. Returns its id.
  uint64_t Split(std::string_view user_key);
  void TransferLeader(uint64_t region_id, uint64_t store_id);
  // A store that is stopped breaks its connections.
  void StopStore(uint64_t store_id);
  void StartStore(uint64_t store_id);
  void MoveStore(uint64_t store_id, std::string address);
  // The next requests to `store_id` (0: any) are treated so, in this order.
  void AddScript(uint64_t store_id, Script script);
  void AddScript(uint64_t store_id, errorpb::Error region_error);
  // The next calls to PD fail so.
  void AddPdError(absl::Status error);
  // PD's answers about regions stay as they are now until Thaw.
  void FreezePd();
  void ThawPd();
  // What was on its way all the time arrives, in this order, and is judged as any request is.
  // Returns how many there were.
  size_t DeliverLate();
  // PD knows of this comparison of replicas.
  void AddCheck(const repair::v1::RegionCheck& check);
  // Reads whose answer would have more bytes of keys and values are refused, as stores do it.
  void LimitAnswers(uint64_t bytes);
  // Changes a value behind everybody's back.
  void Spoil(std::string_view user_key, std::string value);

  // --- Look at it ---
  std::map<std::string, Entry> entries() const;
  // Requests that reached a store, by name, in order: "RawGet@1".
  std::vector<std::string> requests() const;
  void ClearRequests();
  int pd_calls(std::string_view method) const;
  metapb::Region region_of(std::string_view user_key) const;
  const KeyCodec& codec() const { return codec_; }
  uint64_t max_answer_bytes() const;

  // --- What the fakes of the RPCs call ---
  using Data = std::map<std::string, Entry>;
  struct Request {
    uint64_t store_id;
    std::string_view name;
    const kvrpcpb::Context& context;
    // They must lie in the region; the end may be the region's.
    KeyRange keys;
    std::function<void(Data&)> command;
    // Sends a copy of the request, whose answer nobody awaits. Outlives this call.
    std::function<void()> send_copy;
  };
  // Judges one request and runs its command on the data when it may be served. Returns the RPC's
  // status; `region_error` is filled when the store refuses.
  absl::Status Serve(const Request& request, errorpb::Error* region_error);
  uint64_t StoreAt(const std::string& address) const;
  // The PD method `method`; fills `response`.
  absl::Status CallPd(std::string_view method, const google::protobuf::Message& request,
                      google::protobuf::Message* response);
  // Splits at request keys within one region; returns the regions that came out.
  std::vector<metapb::Region> SplitAt(const std::vector<std::string>& request_keys);

 private:
  struct Region {
    metapb::Region meta;  // Boundaries are request keys.
    uint64_t leader_store = 0;
  };
  using Regions = std::map<std::string, Region>;  // By start key.

  bool TakeScript(uint64_t store_id, Script& script) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Judge(uint64_t store_id, const kvrpcpb::Context& context, const KeyRange& keys,
             errorpb::Error* error) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t SplitLocked(const std::string& request_key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  metapb::Region Encoded(const metapb::Region& region) const;
  pdpb::Region PdRegion(const Region& region) const;
  absl::Status PdGetRegion(std::string_view method, const google::protobuf::Message& request,
                           google::protobuf::Message* response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status PdScanRegions(const pdpb::ScanRegionsRequest& request,
                             pdpb::ScanRegionsResponse* response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status PdMembersAndStores(std::string_view method, const google::protobuf::Message& request,
                                  google::protobuf::Message* response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status PdKeyspaces(std::string_view method, const google::protobuf::Message& request,
                           google::protobuf::Message* response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status PdRepair(std::string_view method, const google::protobuf::Message& request,
                        google::protobuf::Message* response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string DecodeRegionKey(const std::string& region_key) const;

  const KeyCodec codec_;
  mutable Mutex mutex_;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1000;
  Regions regions_ ABSL_GUARDED_BY(mutex_);
  Regions frozen_ ABSL_GUARDED_BY(mutex_);  // Empty: PD sees regions_.
  std::map<uint64_t, metapb::Store> stores_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, bool> stopped_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, std::deque<Script>> scripts_ ABSL_GUARDED_BY(mutex_);
  uint64_t max_answer_bytes_ ABSL_GUARDED_BY(mutex_) = 64 << 20;
  std::vector<std::function<void()>> late_ ABSL_GUARDED_BY(mutex_);
  std::vector<repair::v1::RegionCheck> checks_ ABSL_GUARDED_BY(mutex_);
  std::deque<absl::Status> pd_errors_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int, std::less<>> pd_calls_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, uint32_t> keyspaces_ ABSL_GUARDED_BY(mutex_);
  Data data_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::client::testing

#endif  // FLOTILLA_TESTS_CLIENT_FAKE_FAKE_CLUSTER_H_
