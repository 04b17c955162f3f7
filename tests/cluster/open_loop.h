// Load that does not wait for answers: so many batches of puts a second, whatever becomes of them,
// as from a crowd of clients that know nothing of each other. They are sent to a region's leader
// without the client library, so that the load is cheap and nothing is retried.
#ifndef FLOTILLA_TESTS_CLUSTER_OPEN_LOOP_H_
#define FLOTILLA_TESTS_CLUSTER_OPEN_LOOP_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/cli/bench/latency_histogram.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/pdclient/grpc_pd_client.h"
#include "common/rpc/batch_client.h"
#include "common/rpc/grpc_event_loop.h"
#include "flotilla/client/options.h"

namespace flotilla::cluster_test {

struct LoadOptions {
  std::string pd_address;
  client::Transport transport = client::Transport::kBatch;
  int connections = 8;
  int pairs = 128;  // In a batch.
  size_t value_bytes = 64;
  // A batch is worth nothing afterwards.
  std::chrono::milliseconds deadline{1000};
};

struct LoadResult {
  double offered_per_second = 0;
  double goodput_per_second = 0;  // Acknowledged within the deadline.
  uint64_t busy = 0;
  uint64_t late = 0;  // Acknowledged after it, or never answered.
  uint64_t failed = 0;
  std::string last_error;
  // Of what was acknowledged in time, and of single reads that went on beside it.
  cli::LatencyHistogram writes;
  cli::LatencyHistogram reads;
  uint64_t failed_reads = 0;

  std::string ToString() const;
};

class OpenLoop {
 public:
  explicit OpenLoop(const LoadOptions& options);
  ~OpenLoop();
  OpenLoop(const OpenLoop&) = delete;
  OpenLoop& operator=(const OpenLoop&) = delete;

  // Finds the leader. REQUIRES: one region, whose leader stays where it is.
  absl::Status Connect();
  // Offers `per_second` batches for `length`; returns when all were answered.
  LoadResult Offer(double per_second, env::Duration length);
  // As fast as answers come, with `in_flight` batches under way: the rate at which it goes.
  LoadResult Saturate(int in_flight, env::Duration length);

 private:
  struct Run;

  void PutOne(const std::shared_ptr<Run>& run);
  void OnPut(const std::shared_ptr<Run>& run, env::Instant begun,
             const absl::StatusOr<kvrpcpb::RawBatchPutResponse>& answer);
  void ReadOne(const std::shared_ptr<Run>& run);
  LoadResult Finish(const std::shared_ptr<Run>& run);

  const LoadOptions options_;
  const env::SystemClock clock_;
  rpc::GrpcEventLoop loop_;
  rpc::ChannelPool pool_;
  pdclient::GrpcPdClient pd_;
  // What is sent in turns.
  std::vector<kvrpcpb::RawBatchPutRequest> puts_;
  kvrpcpb::RawGetRequest get_;
  std::vector<std::shared_ptr<rpc::Channel>> channels_;
  std::vector<std::unique_ptr<rpc::BatchClient>> streams_;
};

}  // namespace flotilla::cluster_test

#endif  // FLOTILLA_TESTS_CLUSTER_OPEN_LOOP_H_
