// One store as the client speaks to it. The production form sends over gRPC, on a batch stream or
// as unary calls (grpc_store_rpc.h); tests answer in the process.
#ifndef FLOTILLA_CLIENT_STORE_RPC_H_
#define FLOTILLA_CLIENT_STORE_RPC_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/env/clock.h"
#include "common/rpc/done.h"
#include "common/rpc/not_executed.h"
#include "tikv/kvrpcpb.pb.h"

namespace flotilla::client {

// The calls of the public protocol that the client uses. Thread-safe.
//
// `request` and `response` live until `done` was called, exactly once and on any thread, at latest
// soon after `deadline`. A status that is not OK is the RPC's own: kUnavailable and kCancelled for
// a broken connection, kDeadlineExceeded when no answer came; region errors are in the response.
// Unless it bears rpc::MarkNotExecuted, the store may have executed the request, or may still.
class StoreConnection {
 public:
  virtual ~StoreConnection() = default;

  template <typename Request, typename Response>
  using Method = void (StoreConnection::*)(const Request&, Response*, env::Instant, rpc::Done);

  virtual void RawGet(const kvrpcpb::RawGetRequest& request, kvrpcpb::RawGetResponse* response,
                      env::Instant deadline, rpc::Done done) = 0;
  virtual void RawBatchGet(const kvrpcpb::RawBatchGetRequest& request,
                           kvrpcpb::RawBatchGetResponse* response, env::Instant deadline,
                           rpc::Done done) = 0;
  virtual void RawPut(const kvrpcpb::RawPutRequest& request, kvrpcpb::RawPutResponse* response,
                      env::Instant deadline, rpc::Done done) = 0;
  virtual void RawBatchPut(const kvrpcpb::RawBatchPutRequest& request,
                           kvrpcpb::RawBatchPutResponse* response, env::Instant deadline,
                           rpc::Done done) = 0;
  virtual void RawDelete(const kvrpcpb::RawDeleteRequest& request,
                         kvrpcpb::RawDeleteResponse* response, env::Instant deadline,
                         rpc::Done done) = 0;
  virtual void RawBatchDelete(const kvrpcpb::RawBatchDeleteRequest& request,
                              kvrpcpb::RawBatchDeleteResponse* response, env::Instant deadline,
                              rpc::Done done) = 0;
  virtual void RawScan(const kvrpcpb::RawScanRequest& request, kvrpcpb::RawScanResponse* response,
                       env::Instant deadline, rpc::Done done) = 0;
  virtual void RawDeleteRange(const kvrpcpb::RawDeleteRangeRequest& request,
                              kvrpcpb::RawDeleteRangeResponse* response, env::Instant deadline,
                              rpc::Done done) = 0;
  virtual void RawGetKeyTtl(const kvrpcpb::RawGetKeyTTLRequest& request,
                            kvrpcpb::RawGetKeyTTLResponse* response, env::Instant deadline,
                            rpc::Done done) = 0;
  virtual void RawCompareAndSwap(const kvrpcpb::RawCASRequest& request,
                                 kvrpcpb::RawCASResponse* response, env::Instant deadline,
                                 rpc::Done done) = 0;
  virtual void RawChecksum(const kvrpcpb::RawChecksumRequest& request,
                           kvrpcpb::RawChecksumResponse* response, env::Instant deadline,
                           rpc::Done done) = 0;
  virtual void SplitRegion(const kvrpcpb::SplitRegionRequest& request,
                           kvrpcpb::SplitRegionResponse* response, env::Instant deadline,
                           rpc::Done done) = 0;
};

// Makes connections. Thread-safe.
class StoreConnector {
 public:
  virtual ~StoreConnector() = default;
  // Does not wait for the connection to stand: calls on it fail when it does not come about.
  virtual std::shared_ptr<StoreConnection> Connect(const std::string& address) = 0;
  // Fails every call under way with kCancelled, and those to come: the client is closing.
  virtual void Shutdown() = 0;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_STORE_RPC_H_
