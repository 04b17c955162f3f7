// Starts flushes of the data engine when logs cannot be cut because what they hold is not flushed.
//
// Thread-safe: shared by the raft workers of a host.
#ifndef FLOTILLA_COMMON_MULTIRAFT_LOG_FLUSHER_H_
#define FLOTILLA_COMMON_MULTIRAFT_LOG_FLUSHER_H_

#include <atomic>

#include "common/base/check.h"
#include "common/engine/kv_engine.h"
#include "common/env/clock.h"
#include "common/multiraft/host_metrics.h"

namespace flotilla::multiraft {

class LogFlusher {
 public:
  // At most one flush is started in `min_interval`.
  LogFlusher(engine::KvEngine* engine, env::Duration min_interval, HostMetrics* metrics)
      : engine_(engine), min_interval_(min_interval), metrics_(metrics) {}

  void MaybeStart(env::Instant now) {
    env::Duration::rep next = next_.load(std::memory_order_relaxed);
    const env::Duration::rep ticks = now.time_since_epoch().count();
    if (ticks < next) return;
    if (!next_.compare_exchange_strong(next, ticks + min_interval_.count())) return;
    CHECK_OK(engine_->StartFlush()) << "the data engine refuses to flush";
    metrics_->flushes_started.Increment();
  }

 private:
  engine::KvEngine* const engine_;
  const env::Duration min_interval_;
  HostMetrics* const metrics_;
  std::atomic<env::Duration::rep> next_{INT64_MIN};
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_LOG_FLUSHER_H_
