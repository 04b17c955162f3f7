#include "common/raft/conf_change.h"

#include <string>

#include "absl/status/status.h"
#include "common/base/coding.h"

namespace flotilla::raft {
namespace {

// Layout: version, transition, varint number of steps, (type, varint peer) a step, context with its
// length.
constexpr char kVersion = 1;

absl::Status Malformed(const char* what) {
  return absl::DataLossError(std::string("malformed conf change: ") + what);
}

}  // namespace

Bytes EncodeConfChange(const ConfChange& change) {
  if (change.LeavesJoint() && change.context.empty()) return Bytes();
  std::string out;
  out.push_back(kVersion);
  out.push_back(static_cast<char>(change.transition));
  PutVarint64(out, change.steps.size());
  for (const ConfChangeStep& step : change.steps) {
    out.push_back(static_cast<char>(step.type));
    PutVarint64(out, step.peer.value());
  }
  PutLengthPrefixed(out, change.context.view());
  return Bytes(std::move(out));
}

absl::StatusOr<ConfChange> DecodeConfChange(std::string_view data) {
  ConfChange change;
  if (data.empty()) return change;
  if (data[0] != kVersion) return Malformed("unknown version");
  if (data.size() < 2) return Malformed("too short");
  const auto transition = static_cast<uint8_t>(data[1]);
  if (transition > static_cast<uint8_t>(ConfChange::Transition::kExplicit)) {
    return Malformed("unknown transition");
  }
  change.transition = static_cast<ConfChange::Transition>(transition);
  data.remove_prefix(2);
  uint64_t count = 0;
  if (!GetVarint64(data, count) || count > data.size()) return Malformed("number of steps");
  for (uint64_t i = 0; i < count; ++i) {
    if (data.empty()) return Malformed("too short");
    const auto type = static_cast<uint8_t>(data[0]);
    if (type > static_cast<uint8_t>(ConfChangeStep::Type::kAddLearner)) {
      return Malformed("unknown type of step");
    }
    data.remove_prefix(1);
    uint64_t peer = 0;
    if (!GetVarint64(data, peer)) return Malformed("peer");
    change.steps.push_back({static_cast<ConfChangeStep::Type>(type), PeerId(peer)});
  }
  std::string_view context;
  if (!GetLengthPrefixed(data, context) || !data.empty()) return Malformed("context");
  change.context = Bytes::Copy(context);
  return change;
}

}  // namespace flotilla::raft
