#include "tests/raft/scenario/quorum_commands.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "common/raft/membership.h"

namespace flotilla::raft::scenario {
namespace {

struct Inputs {
  ConfState conf;
  // Of the voters of both halves in ascending order; those that were not heard of are missing.
  std::map<PeerId, std::string> answers;
};

absl::StatusOr<std::vector<PeerId>> ParsePeers(const Argument& argument) {
  std::vector<PeerId> peers;
  for (const std::string& value : argument.values) {
    if (value.empty() || value == "zero") continue;  // An empty half.
    ASSIGN_OR_RETURN(uint64_t peer, ParseNumber(value));
    peers.emplace_back(peer);
  }
  std::sort(peers.begin(), peers.end());
  peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
  return peers;
}

absl::StatusOr<Inputs> ParseInputs(const Directive& directive, std::string_view answers_key) {
  Inputs inputs;
  std::vector<std::string> answers;
  for (const Argument& argument : directive.arguments) {
    if (argument.key == "cfg") {
      ASSIGN_OR_RETURN(inputs.conf.voters, ParsePeers(argument));
    } else if (argument.key == "cfgj") {
      ASSIGN_OR_RETURN(inputs.conf.voters_outgoing, ParsePeers(argument));
    } else if (argument.key == answers_key) {
      answers = argument.values;
      std::erase(answers, "");
    } else {
      return absl::InvalidArgumentError("unknown argument " + argument.key);
    }
  }
  const std::vector<PeerId> voters = AllVoters(inputs.conf);
  if (voters.size() != answers.size()) {
    return absl::InvalidArgumentError(std::to_string(voters.size()) + " voters, but " +
                                      std::to_string(answers.size()) + " of " +
                                      std::string(answers_key));
  }
  for (size_t i = 0; i < voters.size(); ++i) {
    if (answers[i] != "_") inputs.answers[voters[i]] = answers[i];
  }
  return inputs;
}

absl::StatusOr<uint64_t> Committed(const Directive& directive) {
  ASSIGN_OR_RETURN(Inputs inputs, ParseInputs(directive, "idx"));
  std::map<PeerId, uint64_t> acked;
  for (const auto& [peer, answer] : inputs.answers) {
    ASSIGN_OR_RETURN(acked[peer], ParseNumber(answer));
  }
  auto lookup = [&acked](PeerId peer) -> std::optional<uint64_t> {
    auto it = acked.find(peer);
    if (it == acked.end()) return std::nullopt;
    return it->second;
  };
  return JointAcked(inputs.conf.voters, inputs.conf.voters_outgoing, lookup);
}

absl::StatusOr<VoteResult> Vote(const Directive& directive) {
  ASSIGN_OR_RETURN(Inputs inputs, ParseInputs(directive, "votes"));
  for (const auto& [peer, answer] : inputs.answers) {
    if (answer != "y" && answer != "n") {
      return absl::InvalidArgumentError("unknown vote " + answer);
    }
  }
  auto lookup = [&inputs](PeerId peer) -> std::optional<bool> {
    auto it = inputs.answers.find(peer);
    if (it == inputs.answers.end()) return std::nullopt;
    return it->second == "y";
  };
  return JointVote(inputs.conf.voters, inputs.conf.voters_outgoing, lookup);
}

}  // namespace

Outcome RunCommitted(const Directive& directive) {
  absl::StatusOr<uint64_t> index = Committed(directive);
  Outcome outcome{.status = index.status()};
  if (index.ok()) outcome.index = *index;
  return outcome;
}

Outcome RunVote(const Directive& directive) {
  absl::StatusOr<VoteResult> result = Vote(directive);
  Outcome outcome{.status = result.status()};
  if (result.ok()) outcome.result = *result;
  return outcome;
}

}  // namespace flotilla::raft::scenario
