#include "tests/cluster/open_loop.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/env/random.h"
#include "common/errors/region_error.h"
#include "common/pdclient/waiter.h"
#include "common/rpc/client_call.h"

namespace flotilla::cluster_test {
namespace {

using std::chrono::milliseconds;

// Different batches that are sent in turns.
constexpr int kBatches = 64;
constexpr double kReadsPerSecond = 50;
// Mode and number of the default keyspace, before every key.
constexpr std::string_view kKeyspace("r\0\0\0", 4);

double Millis(env::Duration duration) { return env::Seconds(duration) * 1e3; }

std::string KeyOf(int batch, int pair) {
  return fmt::format("{}load-{:02}-{:04}", kKeyspace, batch, pair);
}

}  // namespace

std::string LoadResult::ToString() const {
  std::string text = fmt::format(
      "offered {:.0f}/s, goodput {:.0f}/s ({} busy, {} late, {} failed); p50 {:.1f} ms, p99 {:.1f} "
      "ms",
      offered_per_second, goodput_per_second, busy, late, failed, Millis(writes.Quantile(0.5)),
      Millis(writes.Quantile(0.99)));
  if (reads.count() > 0) {
    text += fmt::format("; {} reads: p50 {:.1f} ms, p99 {:.1f} ms, {} failed", reads.count(),
                        Millis(reads.Quantile(0.5)), Millis(reads.Quantile(0.99)), failed_reads);
  }
  return last_error.empty() ? text : text + "; " + last_error;
}

// One load, from its first request until all are answered.
struct OpenLoop::Run {
  Run(env::Instant begun, env::Duration length) : begun(begun), end(begun + length) {}

  const env::Instant begun;
  const env::Instant end;
  Mutex mutex;
  CondVar answered;
  bool refills ABSL_GUARDED_BY(mutex) = false;
  uint64_t under_way ABSL_GUARDED_BY(mutex) = 0;
  uint64_t offered ABSL_GUARDED_BY(mutex) = 0;
  LoadResult result ABSL_GUARDED_BY(mutex);
};

OpenLoop::OpenLoop(const LoadOptions& options)
    : options_(options),
      loop_("load", &clock_),
      pd_({.endpoints = {options.pd_address}}, &loop_, &pool_, env::Random(1)) {
  loop_.Start();
}

OpenLoop::~OpenLoop() {
  streams_.clear();
  loop_.Stop();
}

absl::Status OpenLoop::Connect() {
  pdclient::Waiter<pdpb::Region> region_found;
  pd_.GetRegion("", region_found.callback());
  ASSIGN_OR_RETURN(const pdpb::Region found, region_found.Wait());
  pdclient::Waiter<metapb::Store> store_found;
  pd_.GetStore(StoreId(found.leader().store_id()), store_found.callback());
  ASSIGN_OR_RETURN(const metapb::Store store, store_found.Wait());

  kvrpcpb::Context context;
  context.set_region_id(found.region().id());
  *context.mutable_region_epoch() = found.region().region_epoch();
  *context.mutable_peer() = found.leader();
  context.set_api_version(kvrpcpb::V2);
  context.set_max_execution_duration_ms(options_.deadline.count());
  for (int batch = 0; batch < kBatches; ++batch) {
    kvrpcpb::RawBatchPutRequest& put = puts_.emplace_back();
    *put.mutable_context() = context;
    for (int pair = 0; pair < options_.pairs; ++pair) {
      kvrpcpb::KvPair* added = put.add_pairs();
      added->set_key(KeyOf(batch, pair));
      added->set_value(std::string(options_.value_bytes, 'v'));
    }
  }
  *get_.mutable_context() = context;
  get_.set_key(KeyOf(0, 0));
  for (int i = 0; i <= options_.connections; ++i) {
    channels_.push_back(pool_.Get(store.address(), i));
    streams_.push_back(std::make_unique<rpc::BatchClient>(
        &loop_, channels_.back(), rpc::BatchClientOptions{}, env::Random(i + 1)));
  }
  return absl::OkStatus();
}

void OpenLoop::PutOne(const std::shared_ptr<Run>& run) {
  uint64_t number = 0;
  {
    MutexLock lock(run->mutex);
    number = run->offered++;
    ++run->under_way;
  }
  const kvrpcpb::RawBatchPutRequest& put = puts_[number % puts_.size()];
  const size_t connection = number % options_.connections;
  const env::Instant begun = clock_.Now();
  if (options_.transport == client::Transport::kUnary) {
    rpc::CallUnary<kvrpcpb::RawBatchPutResponse>(
        &loop_, channels_[connection], "tikvpb.Tikv/RawBatchPut", put,
        {.timeout = options_.deadline},
        [this, run, begun](absl::StatusOr<kvrpcpb::RawBatchPutResponse> answer) {
          OnPut(run, begun, answer);
        });
    return;
  }
  rpc::BatchClient::Request request;
  *request.mutable_rawbatchput() = put;
  streams_[connection]->Send(std::move(request), options_.deadline,
                             [this, run, begun](absl::StatusOr<rpc::BatchClient::Response> answer) {
                               if (!answer.ok()) return OnPut(run, begun, answer.status());
                               OnPut(run, begun, answer->rawbatchput());
                             });
}

void OpenLoop::OnPut(const std::shared_ptr<Run>& run, env::Instant begun,
                     const absl::StatusOr<kvrpcpb::RawBatchPutResponse>& answer) {
  const env::Instant now = clock_.Now();
  bool refill = false;
  {
    MutexLock lock(run->mutex);
    LoadResult& result = run->result;
    if (!answer.ok()) {
      const bool late =
          absl::IsDeadlineExceeded(answer.status()) || errors::IsUndetermined(answer.status());
      ++(late ? result.late : result.failed);
      result.last_error = answer.status().ToString();
    } else if (answer->region_error().has_server_is_busy()) {
      ++result.busy;
    } else if (answer->has_region_error() || !answer->error().empty()) {
      ++result.failed;
      result.last_error = answer->ShortDebugString();
    } else if (now - begun > options_.deadline) {
      ++result.late;
    } else {
      result.writes.Record(now - begun);
    }
    refill = run->refills && now < run->end;
    --run->under_way;
    if (!refill) run->answered.NotifyAll();
  }
  if (refill) PutOne(run);
}

void OpenLoop::ReadOne(const std::shared_ptr<Run>& run) {
  {
    MutexLock lock(run->mutex);
    ++run->under_way;
  }
  const env::Instant begun = clock_.Now();
  rpc::BatchClient::Request request;
  *request.mutable_rawget() = get_;
  streams_.back()->Send(std::move(request), options_.deadline,
                        [this, run, begun](const auto& answer) {
                          MutexLock lock(run->mutex);
                          run->result.reads.Record(clock_.Now() - begun);
                          if (!answer.ok() || answer->rawget().has_region_error())
                            ++run->result.failed_reads;
                          --run->under_way;
                          run->answered.NotifyAll();
                        });
}

LoadResult OpenLoop::Offer(double per_second, env::Duration length) {
  const auto run = std::make_shared<Run>(clock_.Now(), length);
  uint64_t puts = 0;
  uint64_t reads = 0;
  for (env::Instant now = run->begun; now < run->end; now = clock_.Now()) {
    const double seconds = env::Seconds(now - run->begun);
    for (; static_cast<double>(puts) < seconds * per_second; ++puts) PutOne(run);
    for (; static_cast<double>(reads) < seconds * kReadsPerSecond; ++reads) ReadOne(run);
    MutexLock lock(run->mutex);
    run->answered.WaitFor(run->mutex, milliseconds(1));
  }
  return Finish(run);
}

LoadResult OpenLoop::Saturate(int in_flight, env::Duration length) {
  const auto run = std::make_shared<Run>(clock_.Now(), length);
  {
    MutexLock lock(run->mutex);
    run->refills = true;
  }
  for (int i = 0; i < in_flight; ++i) PutOne(run);
  return Finish(run);
}

LoadResult OpenLoop::Finish(const std::shared_ptr<Run>& run) {
  MutexLock lock(run->mutex);
  while (run->under_way > 0 || clock_.Now() < run->end) {
    run->answered.WaitFor(run->mutex, milliseconds(10));
  }
  const double seconds = env::Seconds(run->end - run->begun);
  run->result.offered_per_second = static_cast<double>(run->offered) / seconds;
  run->result.goodput_per_second = static_cast<double>(run->result.writes.count()) / seconds;
  return run->result;
}

}  // namespace flotilla::cluster_test
