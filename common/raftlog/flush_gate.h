// What a flush of the log engine goes through before it writes: a chance for the entries in memory
// to be truncated first, for then they are never written to a table.
//
// A memtable that is full does not change any more, and writes go on to the next one. So its flush
// can wait until the data engine has flushed what these entries wrote and the logs are cut behind
// it; what is left to write are the entries that slow followers need. The wait is bounded: by time,
// and by further memtables that become full meanwhile.
//
// Thread-safe.
#ifndef FLOTILLA_COMMON_RAFTLOG_FLUSH_GATE_H_
#define FLOTILLA_COMMON_RAFTLOG_FLUSH_GATE_H_

#include <chrono>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "common/base/mutex.h"
#include "common/raftlog/log_engine.h"

namespace flotilla::raftlog {

class FlushGate {
 public:
  static constexpr std::chrono::milliseconds kMaxWait{2000};

  FlushGate();
  ~FlushGate();

  // See LogEngine::SetFlushPreparation. A flush that waits goes on.
  void SetPreparation(FlushPreparation preparation);
  // Prepares, then waits for the end of it, but no longer than kMaxWait and only while `may_wait`.
  // Without a preparation there is nothing to wait for. Called by one thread at a time.
  void Pass(absl::FunctionRef<bool()> may_wait);

 private:
  class Ticket;

  Mutex mutex_;
  CondVar changed_;
  FlushPreparation preparation_;  // Changed under mutex_, and only while it is not running_.
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<Ticket> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_COMMON_RAFTLOG_FLUSH_GATE_H_
