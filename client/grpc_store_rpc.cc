#include "client/grpc_store_rpc.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/errors/region_error.h"
#include "common/rpc/batch_client.h"
#include "common/rpc/client_call.h"

namespace flotilla::client {
namespace {

using BatchRequest = rpc::BatchClient::Request;
using BatchResponse = rpc::BatchClient::Response;

absl::Status ShutDown() {
  return rpc::MarkNotExecuted(absl::CancelledError("the client is closed"));
}

// The batch client says by the kind of its status what became of the request.
absl::Status FromBatch(const absl::Status& status) {
  if (errors::IsUndetermined(status)) return absl::UnavailableError(status.message());
  if (absl::IsUnimplemented(status)) return status;
  return rpc::MarkNotExecuted(status);
}

// A unary call that failed may have been executed, except where the server said that it was not, or
// gRPC never had a connection for it.
absl::Status FromUnary(const absl::Status& status) {
  const bool had_no_connection =
      absl::IsUnavailable(status) &&
      FromAbsl(status.message()).find("failed to connect") != std::string_view::npos;
  return had_no_connection ? rpc::MarkNotExecuted(status) : status;
}

}  // namespace

class GrpcStoreConnector::Connection final : public StoreConnection {
 public:
  Connection(rpc::EventLoop* loop, std::shared_ptr<rpc::Channel> channel,
             std::shared_ptr<rpc::BatchClient> batch)
      : loop_(loop),
        channel_(std::move(channel)),
        uses_batch_(batch != nullptr),
        batch_(std::move(batch)) {}

  void RawGet(const kvrpcpb::RawGetRequest& request, kvrpcpb::RawGetResponse* response,
              env::Instant deadline, rpc::Done done) override {
    Call<&BatchRequest::mutable_rawget, &BatchResponse::mutable_rawget>("RawGet", request, response,
                                                                        deadline, std::move(done));
  }
  void RawBatchGet(const kvrpcpb::RawBatchGetRequest& request,
                   kvrpcpb::RawBatchGetResponse* response, env::Instant deadline,
                   rpc::Done done) override {
    Call<&BatchRequest::mutable_rawbatchget, &BatchResponse::mutable_rawbatchget>(
        "RawBatchGet", request, response, deadline, std::move(done));
  }
  void RawPut(const kvrpcpb::RawPutRequest& request, kvrpcpb::RawPutResponse* response,
              env::Instant deadline, rpc::Done done) override {
    Call<&BatchRequest::mutable_rawput, &BatchResponse::mutable_rawput>("RawPut", request, response,
                                                                        deadline, std::move(done));
  }
  void RawBatchPut(const kvrpcpb::RawBatchPutRequest& request,
                   kvrpcpb::RawBatchPutResponse* response, env::Instant deadline,
                   rpc::Done done) override {
    Call<&BatchRequest::mutable_rawbatchput, &BatchResponse::mutable_rawbatchput>(
        "RawBatchPut", request, response, deadline, std::move(done));
  }
  void RawDelete(const kvrpcpb::RawDeleteRequest& request, kvrpcpb::RawDeleteResponse* response,
                 env::Instant deadline, rpc::Done done) override {
    Call<&BatchRequest::mutable_rawdelete, &BatchResponse::mutable_rawdelete>(
        "RawDelete", request, response, deadline, std::move(done));
  }
  void RawBatchDelete(const kvrpcpb::RawBatchDeleteRequest& request,
                      kvrpcpb::RawBatchDeleteResponse* response, env::Instant deadline,
                      rpc::Done done) override {
    Call<&BatchRequest::mutable_rawbatchdelete, &BatchResponse::mutable_rawbatchdelete>(
        "RawBatchDelete", request, response, deadline, std::move(done));
  }
  void RawScan(const kvrpcpb::RawScanRequest& request, kvrpcpb::RawScanResponse* response,
               env::Instant deadline, rpc::Done done) override {
    Call<&BatchRequest::mutable_rawscan, &BatchResponse::mutable_rawscan>(
        "RawScan", request, response, deadline, std::move(done));
  }
  void RawDeleteRange(const kvrpcpb::RawDeleteRangeRequest& request,
                      kvrpcpb::RawDeleteRangeResponse* response, env::Instant deadline,
                      rpc::Done done) override {
    Call<&BatchRequest::mutable_rawdeleterange, &BatchResponse::mutable_rawdeleterange>(
        "RawDeleteRange", request, response, deadline, std::move(done));
  }
  // The batch stream of the public protocol has no arm for these.
  void RawGetKeyTtl(const kvrpcpb::RawGetKeyTTLRequest& request,
                    kvrpcpb::RawGetKeyTTLResponse* response, env::Instant deadline,
                    rpc::Done done) override {
    Unary("RawGetKeyTTL", request, response, deadline, std::move(done));
  }
  void RawCompareAndSwap(const kvrpcpb::RawCASRequest& request, kvrpcpb::RawCASResponse* response,
                         env::Instant deadline, rpc::Done done) override {
    Unary("RawCompareAndSwap", request, response, deadline, std::move(done));
  }
  void RawChecksum(const kvrpcpb::RawChecksumRequest& request,
                   kvrpcpb::RawChecksumResponse* response, env::Instant deadline,
                   rpc::Done done) override {
    Unary("RawChecksum", request, response, deadline, std::move(done));
  }
  void SplitRegion(const kvrpcpb::SplitRegionRequest& request,
                   kvrpcpb::SplitRegionResponse* response, env::Instant deadline,
                   rpc::Done done) override {
    Unary("SplitRegion", request, response, deadline, std::move(done));
  }

  void Shutdown() {
    std::shared_ptr<rpc::BatchClient> batch;
    {
      MutexLock lock(mutex_);
      is_shut_down_ = true;
      batch = std::move(batch_);
    }
    // Its destructor ends what is under way, by callbacks, which may come back here.
  }

 private:
  env::Duration TimeUntil(env::Instant deadline) const {
    return std::max<env::Duration>(deadline - loop_->clock().Now(), std::chrono::milliseconds(1));
  }

  // A command that the stream knows: by its arms of the stream's messages, or as a unary call.
  template <auto kRequestArm, auto kResponseArm, typename Request, typename Response>
  void Call(const char* method, const Request& request, Response* response, env::Instant deadline,
            rpc::Done done) {
    if (!uses_batch_) return Unary(method, request, response, deadline, std::move(done));
    std::shared_ptr<rpc::BatchClient> batch;
    {
      MutexLock lock(mutex_);
      batch = batch_;
    }
    if (batch == nullptr) return std::move(done)(ShutDown());
    BatchRequest command;
    *(command.*kRequestArm)() = request;
    batch->Send(std::move(command), TimeUntil(deadline),
                [response, done = std::move(done)](absl::StatusOr<BatchResponse> answer) mutable {
                  if (!answer.ok()) return std::move(done)(FromBatch(answer.status()));
                  response->Swap(((*answer).*kResponseArm)());
                  std::move(done)(absl::OkStatus());
                });
  }

  template <typename Request, typename Response>
  void Unary(const char* method, const Request& request, Response* response, env::Instant deadline,
             rpc::Done done) {
    {
      MutexLock lock(mutex_);
      if (is_shut_down_) return std::move(done)(ShutDown());
    }
    rpc::CallOptions options;
    options.timeout = TimeUntil(deadline);
    rpc::CallUnary<Response>(
        loop_, channel_, std::string("tikvpb.Tikv/") + method, request, options,
        [response, done = std::move(done)](absl::StatusOr<Response> answer) mutable {
          if (!answer.ok()) return std::move(done)(FromUnary(answer.status()));
          response->Swap(&*answer);
          std::move(done)(absl::OkStatus());
        });
  }

  rpc::EventLoop* const loop_;
  const std::shared_ptr<rpc::Channel> channel_;
  const bool uses_batch_;
  Mutex mutex_;
  bool is_shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<rpc::BatchClient> batch_ ABSL_GUARDED_BY(mutex_);
};

GrpcStoreConnector::GrpcStoreConnector(rpc::EventLoop* loop, rpc::ChannelPool* pool,
                                       Transport transport, env::Random random)
    : loop_(loop), pool_(pool), transport_(transport), random_(random) {}

GrpcStoreConnector::~GrpcStoreConnector() = default;

std::shared_ptr<StoreConnection> GrpcStoreConnector::Connect(const std::string& address) {
  MutexLock lock(mutex_);
  std::shared_ptr<Connection>& connection = connections_[address];
  if (connection != nullptr) return connection;
  std::shared_ptr<rpc::Channel> channel = pool_->Get(address);
  std::shared_ptr<rpc::BatchClient> batch;
  if (transport_ == Transport::kBatch && !is_shut_down_) {
    batch = std::make_shared<rpc::BatchClient>(loop_, channel, rpc::BatchClientOptions(),
                                               random_.Fork(address));
  }
  connection = std::make_shared<Connection>(loop_, std::move(channel), std::move(batch));
  if (is_shut_down_) connection->Shutdown();
  return connection;
}

void GrpcStoreConnector::Shutdown() {
  std::vector<std::shared_ptr<Connection>> connections;
  {
    MutexLock lock(mutex_);
    is_shut_down_ = true;
    for (const auto& [address, connection] : connections_) connections.push_back(connection);
  }
  for (const auto& connection : connections) connection->Shutdown();
}

}  // namespace flotilla::client
