#include "common/raftlog/flush_gate.h"

#include <utility>

namespace flotilla::raftlog {
namespace {

constexpr std::chrono::milliseconds kPoll{20};

}  // namespace

// One flush's wait. Whoever prepares may call Finish when the flush is long over.
class FlushGate::Ticket {
 public:
  void Finish() {
    MutexLock lock(mutex_);
    finished_ = true;
    changed_.NotifyAll();
  }
  // False when `time` went by.
  bool WaitFor(std::chrono::milliseconds time) {
    MutexLock lock(mutex_);
    if (!finished_) changed_.WaitFor(mutex_, time);
    return finished_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

FlushGate::FlushGate() = default;
FlushGate::~FlushGate() = default;

void FlushGate::SetPreparation(FlushPreparation preparation) {
  MutexLock lock(mutex_);
  while (running_) changed_.Wait(mutex_);
  preparation_ = std::move(preparation);
  if (waiting_ != nullptr) waiting_->Finish();
}

void FlushGate::Pass(absl::FunctionRef<bool()> may_wait) {
  const auto ticket = std::make_shared<Ticket>();
  {
    MutexLock lock(mutex_);
    if (!preparation_) return;
    running_ = true;
    waiting_ = ticket;
  }
  preparation_([ticket] { ticket->Finish(); });
  {
    MutexLock lock(mutex_);
    running_ = false;
    changed_.NotifyAll();
  }
  for (auto waited = kPoll * 0; waited < kMaxWait && may_wait(); waited += kPoll) {
    if (ticket->WaitFor(kPoll)) break;
  }
  MutexLock lock(mutex_);
  waiting_ = nullptr;
}

}  // namespace flotilla::raftlog
