// What each call of the public key-value protocol means, without gRPC: the adapters in service/ and
// the simulator call the same handlers.
//
// A handler checks the request (kv/key_codec.h), lets local_reader or the replicator do the work,
// and fills in the response. Which error goes where:
//   region_error   the request was misdirected, or the region cannot serve it now: try again
//   error, or the `error` of a pair    the request itself is at fault: a name, and the limit
//   the RPC's own status    another cluster's request (INVALID_ARGUMENT)
// docs/errors.md lists them all.
//
// Thread-safe. Handlers never block; `done` runs on the caller's thread, a raft worker's, an apply
// worker's or the reader's.
#ifndef FLOTILLA_STORE_KV_KV_API_H_
#define FLOTILLA_STORE_KV_KV_API_H_

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "common/engine/kv_engine.h"
#include "common/env/clock.h"
#include "common/rpc/done.h"
#include "store/kv/key_codec.h"
#include "store/kv/local_reader.h"
#include "store/kv/replicator.h"
#include "store/region/disk_room.h"
#include "tikv/kvrpcpb.pb.h"

namespace flotilla::store {

struct KvLimits {
  // Largest command, framing included.
  uint64_t max_entry_bytes = 8 << 20;
  // Keys and values in the answer to one scan.
  uint64_t max_scan_bytes = 64 << 20;
  // Scans and batches up to so many pairs are served on the thread of the request.
  uint32_t max_inline_pairs = 64;
};

// All must outlive the API.
struct KvDependencies {
  StoreId store_id;
  ClusterId cluster_id;
  const KeyCodec* codec = nullptr;
  engine::KvEngine* engine = nullptr;
  const env::Clock* clock = nullptr;
  LocalReader* reader = nullptr;
  Replicator* replicator = nullptr;
  ReadExecutor* executor = nullptr;
  RegionSplitter* splitter = nullptr;
  DiskRoom* room = nullptr;
  // From 1, well, to 100. Thread-safe.
  std::function<double()> slow_score;
};

class KvApi {
 public:
  KvApi(const KvDependencies& dependencies, const KvLimits& limits);

  void RawGet(const kvrpcpb::RawGetRequest& request, kvrpcpb::RawGetResponse* response,
              rpc::Done done);
  void RawBatchGet(const kvrpcpb::RawBatchGetRequest& request,
                   kvrpcpb::RawBatchGetResponse* response, rpc::Done done);
  void RawGetKeyTTL(const kvrpcpb::RawGetKeyTTLRequest& request,
                    kvrpcpb::RawGetKeyTTLResponse* response, rpc::Done done);
  void RawScan(const kvrpcpb::RawScanRequest& request, kvrpcpb::RawScanResponse* response,
               rpc::Done done);
  void RawBatchScan(const kvrpcpb::RawBatchScanRequest& request,
                    kvrpcpb::RawBatchScanResponse* response, rpc::Done done);
  void RawChecksum(const kvrpcpb::RawChecksumRequest& request,
                   kvrpcpb::RawChecksumResponse* response, rpc::Done done);

  void RawPut(const kvrpcpb::RawPutRequest& request, kvrpcpb::RawPutResponse* response,
              rpc::Done done);
  void RawBatchPut(const kvrpcpb::RawBatchPutRequest& request,
                   kvrpcpb::RawBatchPutResponse* response, rpc::Done done);
  void RawDelete(const kvrpcpb::RawDeleteRequest& request, kvrpcpb::RawDeleteResponse* response,
                 rpc::Done done);
  void RawBatchDelete(const kvrpcpb::RawBatchDeleteRequest& request,
                      kvrpcpb::RawBatchDeleteResponse* response, rpc::Done done);
  void RawDeleteRange(const kvrpcpb::RawDeleteRangeRequest& request,
                      kvrpcpb::RawDeleteRangeResponse* response, rpc::Done done);
  void RawCompareAndSwap(const kvrpcpb::RawCASRequest& request, kvrpcpb::RawCASResponse* response,
                         rpc::Done done);

  // What a write of so many bytes would be refused with now; its request need not be looked at
  // then.
  absl::Status CheckWrite(size_t bytes, env::Duration allowed) const {
    return on_.replicator->CheckRoom(bytes, allowed);
  }

  void SplitRegion(const kvrpcpb::SplitRegionRequest& request,
                   kvrpcpb::SplitRegionResponse* response, rpc::Done done);
  void GetHealthFeedback(const kvrpcpb::GetHealthFeedbackRequest& request,
                         kvrpcpb::GetHealthFeedbackResponse* response, rpc::Done done);
  // Deletes the range from this store alone, past the replicated log: for ranges that nobody uses
  // any more and that the caller destroys on every store.
  void UnsafeDestroyRange(const kvrpcpb::UnsafeDestroyRangeRequest& request,
                          kvrpcpb::UnsafeDestroyRangeResponse* response, rpc::Done done);

 private:
  // May the write make the data grow? Then it needs room on the disks.
  enum class Growth { kShrinks, kGrows };

  // False, and `done` answered, when the request cannot be served at all: another cluster's,
  // another API version's, another column family's.
  template <typename Request, typename Response>
  bool Begin(const Request& request, Response* response, rpc::Done& done) const;
  // Linearizable: `read(permit)` fills in the response and returns a status. `heavy` reads run on
  // the executor.
  template <typename Request, typename Response, typename ReadFunction>
  void Read(const Request& request, Response* response, bool heavy, rpc::Done done,
            ReadFunction read);
  // `build(view, command)` adds the operations; the result is proposed.
  template <typename Request, typename Response, typename BuildFunction>
  void Write(const Request& request, Response* response, Growth growth, size_t expected_bytes,
             rpc::Done done, BuildFunction build);
  template <typename Response, typename Finish>
  void Propose(const kvrpcpb::Context& context, const RegionView& view, std::string command,
               bool own_entry, Response* response, rpc::Done done, Finish finish);

  // The unexpired value of a key in `stored`; false when there is none.
  absl::StatusOr<bool> GetStored(const ReadPermit& permit, std::string_view key, std::string& value,
                                 uint64_t& ttl_seconds) const;
  absl::Status Scan(const ReadPermit& permit, const kvrpcpb::RawScanRequest& request,
                    kvrpcpb::RawScanResponse* response) const;
  absl::Status BatchScan(const ReadPermit& permit, const kvrpcpb::RawBatchScanRequest& request,
                         kvrpcpb::RawBatchScanResponse* response) const;

  const KvDependencies on_;
  const KvLimits limits_;
  std::atomic<uint64_t> feedback_seq_{0};
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_KV_KV_API_H_
