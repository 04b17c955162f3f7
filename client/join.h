// The whole of an operation that is cut into parts by region: starts the parts, a bounded number at
// a time, merges their results and ends when all are done.
//
// A part that turns out to reach beyond its region adds the rest as a part of its own, so that the
// plan follows the regions as they are and not as they were. After a failure no further part is
// started. Thread-safe; owns itself, and is gone after the last part.
#ifndef FLOTILLA_CLIENT_JOIN_H_
#define FLOTILLA_CLIENT_JOIN_H_

#include <deque>
#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "client/operation_scope.h"
#include "client/region_op.h"
#include "common/base/mutex.h"
#include "common/base/planted_bugs.h"
#include "common/errors/region_error.h"

namespace flotilla::client {

template <typename Result>
class Join {
 public:
  using OnDone = absl::AnyInvocable<void(absl::Status, Result) &&>;

  Join(OperationScope scope, size_t parallel, OnDone on_done)
      : scope_(scope), parallel_(parallel), on_done_(std::move(on_done)) {}

  // Starts `part`, now or when another one is done. `part` ends in PartDone.
  // REQUIRES: no part was added yet, or one is under way.
  void Add(RegionOp* part) {
    {
      MutexLock lock(mutex_);
      if (active_ >= parallel_) {
        waiting_.emplace_back(part);
        return;
      }
      ++active_;
    }
    part->Start();
  }

  template <typename Merger>
  void Merge(Merger merger) {
    MutexLock lock(mutex_);
    merger(result_);
  }

  void PartDone(absl::Status status) {
    if (Planted(Bug::kBatchHalfFailed)) status = absl::OkStatus();
    RegionOp* next = nullptr;
    {
      MutexLock lock(mutex_);
      if (!status.ok() && (status_.ok() || errors::IsUndetermined(status))) {
        status_ = std::move(status);
      }
      if (!status_.ok()) waiting_.clear();
      if (!waiting_.empty()) {
        next = waiting_.front().release();
        waiting_.pop_front();
      } else if (--active_ > 0) {
        return;
      }
    }
    if (next != nullptr) return next->Start();
    End();
  }

 private:
  void End() {
    const OperationScope scope = scope_;
    scope.Record(status_);
    std::move(on_done_)(std::move(status_), std::move(result_));
    delete this;
    scope.End();
  }

  const OperationScope scope_;
  const size_t parallel_;
  OnDone on_done_;
  Mutex mutex_;
  size_t active_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::unique_ptr<RegionOp>> waiting_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_;
  Result result_{};
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_JOIN_H_
