#include "store/kv/write_limiter.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/errors/region_error.h"

namespace flotilla::store {
namespace {

uint64_t Millis(env::Duration duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration).count();
}

// A store that has just started does not know how fast it is.
uint64_t FirstLimit(const WriteLimits& limits) {
  return std::min(4 * limits.min_bytes, limits.max_bytes);
}

}  // namespace

WriteLimiter::WriteLimiter(const WriteLimits& limits, const env::Clock* clock,
                           metrics::Registry* metrics)
    : limits_(limits),
      clock_(clock),
      busy_(errors::ServerIsBusy("too many writes are under way", Millis(limits.delay))),
      refused_(metrics->AddCounter("flotilla_store_writes_refused_total",
                                   "Writes refused because too many were under way")),
      late_(metrics->AddCounter("flotilla_store_writes_late_total",
                                "Writes refused because they would not have been in time")),
      in_flight_gauge_(metrics->AddGauge("flotilla_store_writes_in_flight_bytes",
                                         "Writes that are under way, in bytes")),
      limit_gauge_(metrics->AddGauge("flotilla_store_writes_limit_bytes",
                                     "Writes that may be under way now, in bytes")),
      limit_(FirstLimit(limits)),
      interval_end_(clock->Now() + kInterval) {
  CHECK(0 < limits.min_bytes && limits.min_bytes <= limits.max_bytes);
  limit_gauge_.Set(static_cast<double>(limit()));
}

absl::Status WriteLimiter::Enter(uint64_t bytes) {
  const uint64_t before = in_flight_.fetch_add(bytes, std::memory_order_relaxed);
  if (Fits(before, bytes)) [[likely]]
    return absl::OkStatus();
  Leave(bytes);
  return Refuse();
}

absl::Status WriteLimiter::Check(uint64_t bytes, env::Duration allowed) {
  if (WouldBeLate(allowed)) [[unlikely]] {
    late_.Increment();
    return busy_;
  }
  return Fits(in_flight(), bytes) ? absl::OkStatus() : Refuse();
}

absl::Status WriteLimiter::Refuse() {
  was_refused_.store(true, std::memory_order_relaxed);
  refused_.Increment();
  return busy_;
}

void WriteLimiter::LeaveApplied(uint64_t bytes, env::Instant entered) {
  Leave(bytes);
  const env::Instant now = clock_->Now();
  const env::Duration took = now - entered;
  env::Duration shortest = shortest_.load(std::memory_order_relaxed);
  while (took < shortest && !shortest_.compare_exchange_weak(shortest, took)) {
  }
  if (now < interval_end_.load(std::memory_order_relaxed)) return;
  MutexLock lock(adjusting_);
  if (now < interval_end_.load(std::memory_order_relaxed)) return;
  interval_end_.store(now + kInterval, std::memory_order_relaxed);
  Adjust();
}

void WriteLimiter::Adjust() {
  const env::Duration shortest = shortest_.exchange(env::Duration::max());
  const bool all_stood = shortest > limits_.delay;
  const bool was_refused = was_refused_.exchange(false);
  fastest_.store(shortest, std::memory_order_relaxed);
  fastest_until_.store(clock_->Now() + 2 * kInterval, std::memory_order_relaxed);
  uint64_t limit = this->limit();
  if (all_stood) {
    limit = std::max(limits_.min_bytes, limit - limit / 4);
  } else if (was_refused) {
    limit = std::min(limits_.max_bytes, limit + limit / 8);
  }
  limit_.store(limit, std::memory_order_relaxed);
  limit_gauge_.Set(static_cast<double>(limit));
  in_flight_gauge_.Set(static_cast<double>(in_flight()));
}

}  // namespace flotilla::store
