#include "common/raftlog/log_writer.h"

#include <chrono>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/planted_bugs.h"

namespace flotilla::raftlog {

struct LogWriter::Metrics {
  explicit Metrics(metrics::Registry* registry)
      : sync_seconds(registry->AddHistogram("flotilla_raftlog_write_seconds",
                                            "Time of one synced write of the log engine",
                                            metrics::LatencyBounds())),
        batch_writes(registry->AddHistogram("flotilla_raftlog_batch_writes",
                                            "Writes of groups that one sync made durable",
                                            metrics::ExponentialBounds(1, 2, 12))),
        batch_bytes(registry->AddHistogram("flotilla_raftlog_batch_bytes",
                                           "Bytes that one sync made durable",
                                           metrics::ExponentialBounds(64, 4, 12))),
        waiting(registry->AddGauge("flotilla_raftlog_waiting_writes",
                                   "Writes that waited when the last batch was taken")),
        queued_bytes(registry->AddGauge("flotilla_raftlog_queue_bytes",
                                        "Bytes that wait for the log's disk")),
        slow_score(registry->AddGauge("flotilla_raftlog_slow_score",
                                      "How slow the disk is, from 1, well, to 100")) {
    slow_score.Set(SlowScore::kBest);
  }

  metrics::Histogram& sync_seconds;
  metrics::Histogram& batch_writes;
  metrics::Histogram& batch_bytes;
  metrics::Gauge& waiting;
  metrics::Gauge& queued_bytes;
  metrics::Gauge& slow_score;
};

LogWriter::LogWriter(LogEngine* engine, const env::Clock* clock, env::FailStop* fail_stop,
                     metrics::Registry* metrics)
    : engine_(engine),
      clock_(clock),
      fail_stop_(fail_stop),
      metrics_(std::make_unique<Metrics>(metrics)),
      slow_score_(clock->Now()),
      inbox_(0) {}

LogWriter::~LogWriter() = default;

void LogWriter::Submit(LogWrite write) {
  for (const LogChange& change : write.changes) write.bytes += change.ByteSize();
  queued_bytes_.fetch_add(write.bytes, std::memory_order_relaxed);
  inbox_.PushCompletion(std::move(write));
}

double LogWriter::SlowScoreNow() {
  const double score = slow_score_.At(clock_->Now());
  metrics_->slow_score.Set(score);
  return score;
}

bool LogWriter::RunOnce() {
  inbox_.TakeAll(taken_);
  if (failed_) taken_.clear();
  if (taken_.empty()) return false;
  metrics_->waiting.Set(static_cast<double>(taken_.size()));
  size_t first = 0;
  while (first < taken_.size() && !failed_) {
    size_t last = first;
    uint64_t bytes = 0;
    do {
      bytes += taken_[last].bytes;
      ++last;
    } while (last < taken_.size() && bytes < kMaxBatchBytes);
    metrics_->batch_bytes.Observe(static_cast<double>(bytes));
    WriteOut(first, last);
    const uint64_t before = queued_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    metrics_->queued_bytes.Set(static_cast<double>(before - bytes));
    first = last;
  }
  taken_.clear();
  return true;
}

void LogWriter::WriteOut(size_t first, size_t last) {
  batch_.changes.clear();
  for (size_t i = first; i < last; ++i) {
    std::vector<LogChange>& changes = taken_[i].changes;
    batch_.changes.insert(batch_.changes.end(), std::make_move_iterator(changes.begin()),
                          std::make_move_iterator(changes.end()));
  }
  if (!batch_.changes.empty()) {
    const env::Instant start = clock_->Now();
    slow_score_.OnBegin(start);
    const absl::Status written = engine_->Write(batch_);
    if (!written.ok() && !Planted(Bug::kSyncErrorIgnored)) {
      // Nothing is known of what the disk holds: a second attempt that succeeds would prove
      // nothing, so there is none.
      failed_ = true;
      env::StopForDisk(fail_stop_,
                       absl::Status(written.code(), absl::StrCat("the Raft log was not written: ",
                                                                 written.message())));
      return;
    }
    const env::Instant end = clock_->Now();
    slow_score_.OnEnd(end);
    metrics_->sync_seconds.Observe(env::Seconds(end - start));
    metrics_->batch_writes.Observe(static_cast<double>(last - first));
  }
  for (size_t i = first; i < last; ++i) {
    if (taken_[i].on_durable) std::move(taken_[i].on_durable)();
  }
}

}  // namespace flotilla::raftlog
