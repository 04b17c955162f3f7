// Runs a workload against a cluster and measures it.
//
// A number of slots each keep one operation in flight: the answer's callback begins the next one,
// so that one thread serves all and the client takes little of the machine that it measures. With a
// rate, a slot waits for its turn, and the latency counts from when the turn came, not from when
// the operation could begin.
#ifndef FLOTILLA_CLIENT_CLI_BENCH_BENCH_RUNNER_H_
#define FLOTILLA_CLIENT_CLI_BENCH_BENCH_RUNNER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/bench/latency_histogram.h"
#include "client/cli/bench/workload.h"
#include "client/executor.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/env/random.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::cli {

struct BenchOptions {
  Workload workload;
  uint64_t keys = 10'000;
  size_t value_size = 128;
  size_t concurrency = 64;
  // The measured part ends after this time, or, if not zero, this number of operations.
  env::Duration duration = std::chrono::seconds(10);
  uint64_t operations = 0;
  // Before it; not measured.
  env::Duration warm_up = env::Duration::zero();
  // Operations a second in all; 0: as fast as it goes.
  double rate = 0;
  std::string key_prefix = "bench/";
  uint64_t max_scan_rows = 100;
};

struct BenchResult {
  struct PerOperation {
    LatencyHistogram latency;
    uint64_t errors = 0;
    // Writes that may or may not have taken effect; not among the errors.
    uint64_t undetermined = 0;
  };
  std::array<PerOperation, static_cast<size_t>(BenchOperation::kCount)> operations;
  double seconds = 0;
  uint64_t not_found = 0;
  uint64_t rows_scanned = 0;
  // The first one, or undetermined write; OK: there was none.
  absl::Status first_error;

  // All operations taken together.
  PerOperation Sum() const;
};

// Runs once. Thread-safe towards its own callbacks.
class BenchRunner {
 public:
  // `client`, `executor` (which serves the rate) and `clock` must outlive it.
  BenchRunner(BenchOptions options, client::RawClient* client, client::Executor* executor,
              const env::Clock* clock, env::Random random);
  ~BenchRunner();

  // Returns when the last operation was answered.
  BenchResult Run();

 private:
  class Slot;

  bool TakeTurn(env::Instant& due);
  std::string KeyOf(uint64_t number) const;
  std::string NextValue(Slot& slot);
  void Record(BenchOperation operation, env::Instant begin, const absl::Status& status,
              uint64_t not_found, uint64_t rows);
  void OnSlotDone();

  const BenchOptions options_;
  client::RawClient* const client_;
  client::Executor* const executor_;
  const env::Clock* const clock_;
  std::optional<Zipfian> zipfian_;
  std::string value_bytes_;
  std::vector<std::unique_ptr<Slot>> slots_;
  env::Instant start_;
  env::Instant measure_from_;
  std::atomic<uint64_t> turns_{0};
  std::atomic<uint64_t> existing_keys_{0};

  Mutex mutex_;
  CondVar slot_done_;
  size_t active_slots_ ABSL_GUARDED_BY(mutex_) = 0;
  env::Instant last_answer_ ABSL_GUARDED_BY(mutex_);
  BenchResult result_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_BENCH_BENCH_RUNNER_H_
