// Counts of latencies in buckets that grow by 3 %, so that percentiles cost little memory and are
// right to 3 %.
#ifndef FLOTILLA_CLIENT_CLI_BENCH_LATENCY_HISTOGRAM_H_
#define FLOTILLA_CLIENT_CLI_BENCH_LATENCY_HISTOGRAM_H_

#include <array>
#include <cstdint>

#include "common/env/clock.h"

namespace flotilla::cli {

// Not thread-safe.
class LatencyHistogram {
 public:
  void Record(env::Duration latency);
  void Merge(const LatencyHistogram& other);

  uint64_t count() const { return count_; }
  env::Duration max() const { return env::Duration(max_ns_); }
  env::Duration mean() const;
  // `quantile` in [0, 1]: 0.99 is p99. Zero when nothing was recorded.
  env::Duration Quantile(double quantile) const;

 private:
  // 32 buckets for each doubling.
  static constexpr int kSubBits = 5;
  static constexpr size_t kBuckets = (64 - kSubBits + 1) << kSubBits;

  static size_t BucketOf(uint64_t ns);
  static uint64_t MiddleOf(size_t bucket);

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_ns_ = 0;
  int64_t max_ns_ = 0;
};

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_BENCH_LATENCY_HISTOGRAM_H_
