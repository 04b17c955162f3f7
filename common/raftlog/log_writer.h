// The stage that makes logs durable: it drains what all groups wrote since the last sync and writes
// it as one batch with one sync (group commit by draining; the next batch forms while this one
// syncs).
//
// Thread: its own. Submit is thread-safe. Place in the pipeline: RaftWorker -> LogWriter ->
// on_durable.
#ifndef FLOTILLA_COMMON_RAFTLOG_LOG_WRITER_H_
#define FLOTILLA_COMMON_RAFTLOG_LOG_WRITER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/base/units.h"
#include "common/env/clock.h"
#include "common/env/fail_stop.h"
#include "common/env/inbox.h"
#include "common/env/stage.h"
#include "common/metrics/registry.h"
#include "common/raftlog/log_batch.h"
#include "common/raftlog/log_engine.h"
#include "common/raftlog/slow_score.h"

namespace flotilla::raftlog {

struct LogWrite {
  std::vector<LogChange> changes;
  // Runs on the writer's thread once `changes`, and all that was submitted before, are durable.
  // Must not block: it sends messages and pushes completions.
  absl::AnyInvocable<void() &&> on_durable;
  // Of `changes`; Submit fills it in.
  uint64_t bytes = 0;
};

class LogWriter final : public env::Stage {
 public:
  // Bytes that one sync covers at most; a larger write goes alone.
  static constexpr uint64_t kMaxBatchBytes = 8 * kMiB;

  // All must outlive the writer. `fail_stop` hears of a failed write; null: the process aborts.
  LogWriter(LogEngine* engine, const env::Clock* clock, env::FailStop* fail_stop,
            metrics::Registry* metrics);
  ~LogWriter() override;

  void SetWaker(env::Waker* waker) { inbox_.SetWaker(waker); }
  // Never refuses: callers look at queued_bytes() before they let more in. Writes that were
  // submitted by one thread become durable in that order. After a failed write none does any more,
  // no callback runs, and the process stops.
  void Submit(LogWrite write);

  // Bytes submitted and not durable yet. Thread-safe.
  uint64_t queued_bytes() const { return queued_bytes_.load(std::memory_order_relaxed); }

  // How slow the disk is now: see SlowScore. Thread-safe.
  double SlowScoreNow();

  std::string_view name() const override { return "log-writer"; }
  bool RunOnce() override;

 private:
  struct Metrics;
  // Writes taken_[first, last) with one sync and runs their callbacks.
  void WriteOut(size_t first, size_t last);

  LogEngine* const engine_;
  const env::Clock* const clock_;
  env::FailStop* const fail_stop_;
  std::unique_ptr<Metrics> metrics_;
  SlowScore slow_score_;
  env::Inbox<LogWrite> inbox_;
  std::atomic<uint64_t> queued_bytes_{0};
  std::vector<LogWrite> taken_;
  LogBatch batch_;  // Kept for its storage.
  bool failed_ = false;
};

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_COMMON_RAFTLOG_LOG_WRITER_H_
