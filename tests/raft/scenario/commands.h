// What each directive of a script does.
#ifndef FLOTILLA_TESTS_RAFT_SCENARIO_COMMANDS_H_
#define FLOTILLA_TESTS_RAFT_SCENARIO_COMMANDS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "common/raft/quorum.h"
#include "common/raft/types.h"
#include "tests/raft/scenario/environment.h"
#include "tests/raft/scenario/script.h"

namespace flotilla::raft::scenario {

struct Outcome {
  absl::Status status;
  // Only of the pure directives.
  std::optional<uint64_t> index = {};        // committed
  std::optional<VoteResult> result = {};     // vote
  std::optional<ConfState> conf_state = {};  // simple, enter-joint, leave-joint
};

class Scenario {
 public:
  explicit Scenario(std::function<void(std::string_view)> narrate)
      : narrate_(narrate), environment_(narrate) {}

  Outcome Run(const Directive& directive);
  const Environment& environment() const { return environment_; }

 private:
  absl::Status RunOnNodes(const Directive& directive);
  absl::Status RunOnNode(const Directive& directive, Node& node);
  absl::Status AddNodes(const Directive& directive);
  absl::Status ProposeConfChange(const Directive& directive, Node& node);
  absl::Status DeliverMessages(const Directive& directive);
  absl::Status TransferLeadership(const Directive& directive);
  Outcome ChangeBareConfiguration(const Directive& directive);

  std::function<void(std::string_view)> narrate_;
  Environment environment_;
  ConfState bare_;  // Of simple, enter-joint and leave-joint.
};

}  // namespace flotilla::raft::scenario

#endif  // FLOTILLA_TESTS_RAFT_SCENARIO_COMMANDS_H_
