#include "tests/sim/node/replica_reads.h"

#include <algorithm>
#include <utility>

namespace flotilla::sim {
namespace {

// A replica that is away must not take the time that the leader needs.
constexpr env::Duration kPatience = std::chrono::milliseconds(300);

const std::string& KeyOf(const kvrpcpb::RawGetRequest& request) { return request.key(); }
const std::string& KeyOf(const kvrpcpb::RawScanRequest& request) { return request.start_key(); }
const std::string& KeyOf(const kvrpcpb::RawBatchGetRequest& request) { return request.keys(0); }

}  // namespace

class ReplicaReads::Connection final : public client::StoreConnection {
 public:
  Connection(std::shared_ptr<StoreConnection> store, ReplicaReads* reads)
      : store_(std::move(store)), reads_(reads) {}

  void RawGet(const kvrpcpb::RawGetRequest& request, kvrpcpb::RawGetResponse* response,
              env::Instant deadline, rpc::Done done) override {
    Read(&StoreConnection::RawGet, request, response, deadline, std::move(done));
  }
  void RawBatchGet(const kvrpcpb::RawBatchGetRequest& request,
                   kvrpcpb::RawBatchGetResponse* response, env::Instant deadline,
                   rpc::Done done) override {
    Read(&StoreConnection::RawBatchGet, request, response, deadline, std::move(done));
  }
  void RawScan(const kvrpcpb::RawScanRequest& request, kvrpcpb::RawScanResponse* response,
               env::Instant deadline, rpc::Done done) override {
    Read(&StoreConnection::RawScan, request, response, deadline, std::move(done));
  }
  void RawPut(const kvrpcpb::RawPutRequest& request, kvrpcpb::RawPutResponse* response,
              env::Instant deadline, rpc::Done done) override {
    store_->RawPut(request, response, deadline, std::move(done));
  }
  void RawBatchPut(const kvrpcpb::RawBatchPutRequest& request,
                   kvrpcpb::RawBatchPutResponse* response, env::Instant deadline,
                   rpc::Done done) override {
    store_->RawBatchPut(request, response, deadline, std::move(done));
  }
  void RawDelete(const kvrpcpb::RawDeleteRequest& request, kvrpcpb::RawDeleteResponse* response,
                 env::Instant deadline, rpc::Done done) override {
    store_->RawDelete(request, response, deadline, std::move(done));
  }
  void RawBatchDelete(const kvrpcpb::RawBatchDeleteRequest& request,
                      kvrpcpb::RawBatchDeleteResponse* response, env::Instant deadline,
                      rpc::Done done) override {
    store_->RawBatchDelete(request, response, deadline, std::move(done));
  }
  void RawDeleteRange(const kvrpcpb::RawDeleteRangeRequest& request,
                      kvrpcpb::RawDeleteRangeResponse* response, env::Instant deadline,
                      rpc::Done done) override {
    store_->RawDeleteRange(request, response, deadline, std::move(done));
  }
  void RawGetKeyTtl(const kvrpcpb::RawGetKeyTTLRequest& request,
                    kvrpcpb::RawGetKeyTTLResponse* response, env::Instant deadline,
                    rpc::Done done) override {
    store_->RawGetKeyTtl(request, response, deadline, std::move(done));
  }
  void RawCompareAndSwap(const kvrpcpb::RawCASRequest& request, kvrpcpb::RawCASResponse* response,
                         env::Instant deadline, rpc::Done done) override {
    store_->RawCompareAndSwap(request, response, deadline, std::move(done));
  }
  void RawChecksum(const kvrpcpb::RawChecksumRequest& request,
                   kvrpcpb::RawChecksumResponse* response, env::Instant deadline,
                   rpc::Done done) override {
    store_->RawChecksum(request, response, deadline, std::move(done));
  }
  void SplitRegion(const kvrpcpb::SplitRegionRequest& request,
                   kvrpcpb::SplitRegionResponse* response, env::Instant deadline,
                   rpc::Done done) override {
    store_->SplitRegion(request, response, deadline, std::move(done));
  }

 private:
  template <typename Request, typename Response>
  void Read(Method<Request, Response> method, const Request& request, Response* response,
            env::Instant deadline, rpc::Done done) {
    Replica replica = reads_->Draw(request.context(), KeyOf(request));
    if (replica.connection == nullptr) {
      (*store_.*method)(request, response, deadline, std::move(done));
      return;
    }
    auto copy = std::make_unique<Request>(request);
    copy->mutable_context()->set_replica_read(true);
    *copy->mutable_context()->mutable_peer() = std::move(replica.peer);
    const Request& asked = *copy;
    const env::Instant patience = std::min(deadline, reads_->clock_->Now() + kPatience);
    (*replica.connection.*method)(
        asked, response, patience,
        [store = store_, replica = replica.connection, copy = std::move(copy), method, &request,
         response, deadline, done = std::move(done)](absl::Status status) mutable {
          if (status.ok() && !response->has_region_error()) return std::move(done)(status);
          response->Clear();
          (*store.*method)(request, response, deadline, std::move(done));
        });
  }

  const std::shared_ptr<StoreConnection> store_;
  ReplicaReads* const reads_;
};

std::shared_ptr<client::StoreConnection> ReplicaReads::Connect(const std::string& address) {
  return std::make_shared<Connection>(stores_->Connect(address), this);
}

ReplicaReads::Replica ReplicaReads::Draw(const kvrpcpb::Context& context, const std::string& key) {
  // What is asked of a replica comes by here again.
  if (context.replica_read() || share_ == 0 || !random_.Chance(share_)) return {};
  const client::RegionRef region = locator_->Find({key});
  if (region == nullptr || region->id().value() != context.region_id()) return {};
  const auto& peers = region->route().peers;
  const client::PeerRoute& drawn = peers[random_.Uniform(peers.size())];
  Replica replica;
  replica.connection = locator_->FindStore(drawn.store_id);
  replica.peer.set_id(drawn.id.value());
  replica.peer.set_store_id(drawn.store_id.value());
  return replica;
}

}  // namespace flotilla::sim
