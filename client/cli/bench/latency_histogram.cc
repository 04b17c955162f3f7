#include "client/cli/bench/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace flotilla::cli {

size_t LatencyHistogram::BucketOf(uint64_t ns) {
  constexpr uint64_t kLinear = uint64_t{1} << kSubBits;
  if (ns < kLinear) return ns;
  const int shift = std::bit_width(ns) - kSubBits - 1;
  const uint64_t sub = (ns >> shift) - kLinear;
  return ((static_cast<uint64_t>(shift) + 1) << kSubBits) + sub;
}

uint64_t LatencyHistogram::MiddleOf(size_t bucket) {
  constexpr uint64_t kLinear = uint64_t{1} << kSubBits;
  if (bucket < kLinear) return bucket;
  const int shift = static_cast<int>(bucket >> kSubBits) - 1;
  const uint64_t low = (kLinear + (bucket & (kLinear - 1))) << shift;
  return low + ((uint64_t{1} << shift) >> 1);
}

void LatencyHistogram::Record(env::Duration latency) {
  const uint64_t ns = static_cast<uint64_t>(std::max<int64_t>(latency.count(), 0));
  ++buckets_[BucketOf(ns)];
  ++count_;
  sum_ns_ += ns;
  max_ns_ = std::max(max_ns_, static_cast<int64_t>(ns));
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ns_ += other.sum_ns_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

env::Duration LatencyHistogram::mean() const {
  return env::Duration(count_ == 0 ? 0 : static_cast<int64_t>(sum_ns_ / count_));
}

env::Duration LatencyHistogram::Quantile(double quantile) const {
  if (count_ == 0) return env::Duration::zero();
  const auto rank =
      static_cast<uint64_t>(std::max(1.0, std::ceil(quantile * static_cast<double>(count_))));
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= rank) {
      return env::Duration(std::min(static_cast<int64_t>(MiddleOf(i)), max_ns_));
    }
  }
  return max();
}

}  // namespace flotilla::cli
