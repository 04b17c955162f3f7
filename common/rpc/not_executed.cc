#include "common/rpc/not_executed.h"

#include "absl/strings/cord.h"

namespace flotilla::rpc {
namespace {

constexpr char kPayload[] = "flotilla/not-executed";

}  // namespace

absl::Status MarkNotExecuted(absl::Status status) {
  status.SetPayload(kPayload, absl::Cord("1"));
  return status;
}

bool WasNotExecuted(const absl::Status& status) { return status.GetPayload(kPayload).has_value(); }

}  // namespace flotilla::rpc
