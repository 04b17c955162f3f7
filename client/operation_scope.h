// One operation of the caller, for the count of what is in flight and for the metrics.
#ifndef FLOTILLA_CLIENT_OPERATION_SCOPE_H_
#define FLOTILLA_CLIENT_OPERATION_SCOPE_H_

#include "absl/status/status.h"
#include "client/core.h"

namespace flotilla::client {

// A value. REQUIRES: core->BeginOperation() was OK; End is called exactly once, last of all.
class OperationScope {
 public:
  OperationScope(Core* core, Operation operation)
      : core_(core), start_(core->clock().Now()), operation_(operation) {}

  Core* core() const { return core_; }
  env::Instant start() const { return start_; }
  void Record(const absl::Status& status) const {
    core_->metrics().OnOperation(operation_, status, core_->clock().Now() - start_);
  }
  void End() const { core_->EndOperation(); }

 private:
  Core* core_;
  env::Instant start_;
  Operation operation_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_OPERATION_SCOPE_H_
