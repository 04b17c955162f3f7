// Changes of membership, one at a time or through joint consensus (thesis 4.1 to 4.3).
#ifndef FLOTILLA_COMMON_RAFT_CONF_CHANGE_H_
#define FLOTILLA_COMMON_RAFT_CONF_CHANGE_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/raft/types.h"

namespace flotilla::raft {

struct ConfChangeStep {
  enum class Type : uint8_t { kAddVoter = 0, kRemove = 1, kUpdate = 2, kAddLearner = 3 };
  Type type = Type::kAddVoter;
  PeerId peer;
  bool operator==(const ConfChangeStep&) const = default;
};

struct ConfChange {
  enum class Transition : uint8_t {
    kAuto = 0,      // Simple when one voter changes; joint, left automatically, otherwise.
    kImplicit = 1,  // Joint, left automatically.
    kExplicit = 2,  // Joint, left by an empty ConfChange.
  };
  Transition transition = Transition::kAuto;
  std::vector<ConfChangeStep> steps;  // Empty: leave the joint state.
  Bytes context;                      // The tenant's own data: carried, not read.

  bool LeavesJoint() const { return steps.empty() && transition == Transition::kAuto; }
  bool operator==(const ConfChange&) const = default;
};

// The payload of an EntryType::kConfChange. Our own format, with a version byte. An empty payload
// is the change that leaves the joint state.
Bytes EncodeConfChange(const ConfChange& change);
// DataLoss when malformed.
absl::StatusOr<ConfChange> DecodeConfChange(std::string_view data);

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_CONF_CHANGE_H_
