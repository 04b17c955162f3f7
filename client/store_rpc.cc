#include "client/store_rpc.h"

#include "absl/strings/cord.h"

namespace flotilla::client {
namespace {

constexpr char kNotSentPayload[] = "flotilla/not-sent";

}  // namespace

absl::Status MarkNotSent(absl::Status status) {
  status.SetPayload(kNotSentPayload, absl::Cord("1"));
  return status;
}

bool WasNotSent(const absl::Status& status) {
  return status.GetPayload(kNotSentPayload).has_value();
}

}  // namespace flotilla::client
