#include "tests/raft/scenario/commands.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "common/raft/conf_change.h"
#include "common/raft/describe.h"
#include "common/raft/membership.h"
#include "tests/raft/scenario/quorum_commands.h"

namespace flotilla::raft::scenario {
namespace {

// The scenarios' own defaults: nothing is limited, and what etcd's library does by default.
Config DefaultConfig() {
  Config config;
  config.election_timeout_ticks = 3;
  config.heartbeat_ticks = 1;
  config.pre_vote = false;
  config.check_quorum = false;
  config.max_append_bytes = kNoLimit;
  config.max_inflight_messages = INT32_MAX;
  config.async_storage_writes = false;
  config.durable_vote_requests = false;
  config.commit_by_vote = false;
  config.yield_pre_votes = false;
  config.answer_old_terms = false;
  config.forward_proposals = true;
  config.step_down_on_removal = false;
  config.blank_refused_conf_changes = true;
  return config;
}

absl::Status SetOption(const std::string& key, const std::string& value, Config& config,
                       Snapshot& start) {
  if (key == "index") {
    ASSIGN_OR_RETURN(uint64_t index, ParseNumber(value));
    start.meta.index = Index(index);
  } else if (key == "content") {
    start.data = Bytes(value);
  } else if (key == "inflight") {
    ASSIGN_OR_RETURN(uint64_t limit, ParseNumber(value));
    config.max_inflight_messages = static_cast<uint32_t>(std::min<uint64_t>(limit, INT32_MAX));
  } else if (key == "max-committed-size-per-ready") {
    ASSIGN_OR_RETURN(uint64_t limit, ParseNumber(value));
    config.max_unapplied_bytes = limit == 0 ? kNoLimit : limit;
  } else if (key == "async-storage-writes") {
    ASSIGN_OR_RETURN(config.async_storage_writes, ParseBool(value));
  } else if (key == "prevote") {
    ASSIGN_OR_RETURN(config.pre_vote, ParseBool(value));
  } else if (key == "checkquorum") {
    ASSIGN_OR_RETURN(config.check_quorum, ParseBool(value));
  } else if (key == "step-down-on-removal") {
    ASSIGN_OR_RETURN(config.step_down_on_removal, ParseBool(value));
  } else if (key == "disable-conf-change-validation") {
    ASSIGN_OR_RETURN(bool disabled, ParseBool(value));
    config.validate_conf_changes = !disabled;
  } else if (key == "read-only") {
    if (value != "safe" && value != "lease-based") {
      return absl::InvalidArgumentError("unknown read-only option " + value);
    }
    config.lease_based_reads = value == "lease-based";
  }
  return absl::OkStatus();
}

void SortPeers(std::vector<PeerId>& peers) {
  std::sort(peers.begin(), peers.end());
  peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
}

absl::StatusOr<ConfChange::Transition> ParseTransition(std::string_view text) {
  if (text == "auto") return ConfChange::Transition::kAuto;
  if (text == "implicit") return ConfChange::Transition::kImplicit;
  if (text == "explicit") return ConfChange::Transition::kExplicit;
  return absl::InvalidArgumentError("unknown transition " + std::string(text));
}

absl::StatusOr<std::vector<ConfChangeStep>> ParseSteps(const std::string& input) {
  std::vector<ConfChangeStep> steps;
  std::istringstream tokens(input);
  for (std::string token; tokens >> token;) {
    ConfChangeStep step;
    switch (token[0]) {
      case 'v':
        step.type = ConfChangeStep::Type::kAddVoter;
        break;
      case 'l':
        step.type = ConfChangeStep::Type::kAddLearner;
        break;
      case 'r':
        step.type = ConfChangeStep::Type::kRemove;
        break;
      case 'u':
        step.type = ConfChangeStep::Type::kUpdate;
        break;
      default:
        return absl::InvalidArgumentError("unknown token " + token);
    }
    ASSIGN_OR_RETURN(uint64_t peer, ParseNumber(std::string_view(token).substr(1)));
    step.peer = PeerId(peer);
    steps.push_back(step);
  }
  return steps;
}

absl::Status Tick(Node& node, uint32_t ticks) {
  for (uint32_t i = 0; i < ticks; ++i) node.raw->Tick();
  return absl::OkStatus();
}

absl::Status Propose(const Directive& directive, Node& node) {
  if (directive.arguments.size() != 2 || !directive.arguments[1].values.empty()) {
    return absl::InvalidArgumentError("propose takes a node and the data");
  }
  return node.raw->Propose({Bytes(directive.arguments[1].key)});
}

}  // namespace

Outcome Scenario::Run(const Directive& directive) {
  if (!directive.malformed.ok()) return {.status = directive.malformed};
  const std::string& command = directive.command;
  if (command == "committed") return RunCommitted(directive);
  if (command == "vote") return RunVote(directive);
  if (command == "simple" || command == "enter-joint" || command == "leave-joint") {
    return ChangeBareConfiguration(directive);
  }
  return {.status = RunOnNodes(directive)};
}

absl::Status Scenario::RunOnNodes(const Directive& directive) {
  const std::string& command = directive.command;
  if (command == "add-nodes") return AddNodes(directive);
  if (command == "deliver-msgs") return DeliverMessages(directive);
  if (command == "transfer-leadership") return TransferLeadership(directive);
  if (command == "log-level" || command == "_breakpoint") return absl::OkStatus();
  if (command == "raft-state") {
    for (const auto& node : environment_.nodes()) narrate_(Describe(node->raw->Status()));
    return absl::OkStatus();
  }

  if (command == "propose") {
    if (directive.arguments.empty()) return absl::InvalidArgumentError("no node is named");
    ASSIGN_OR_RETURN(uint64_t id, ParseNumber(directive.arguments[0].key));
    ASSIGN_OR_RETURN(Node * node, environment_.FindNode(id));
    return Propose(directive, *node);
  }
  ASSIGN_OR_RETURN(std::vector<uint64_t> ids, PlainNumbers(directive));
  if (command == "stabilize") {
    return environment_.Stabilize(ids.empty() ? environment_.AllIds() : ids);
  }
  if (command == "process-ready" || command == "process-append-thread" ||
      command == "process-apply-thread") {
    for (uint64_t id : ids) RETURN_IF_ERROR(environment_.FindNode(id).status());
    for (uint64_t id : ids) {
      ASSIGN_OR_RETURN(Node * node, environment_.FindNode(id));
      RETURN_IF_ERROR(command == "process-ready"           ? environment_.ProcessReady(*node)
                      : command == "process-append-thread" ? environment_.ProcessAppend(*node)
                                                           : environment_.ProcessApply(*node));
    }
    return absl::OkStatus();
  }
  if (ids.empty()) {
    return absl::InvalidArgumentError(command + ": unknown, or no node is named");
  }
  if (command == "send-snapshot" || command == "report-unreachable") {
    if (ids.size() != 2) return absl::InvalidArgumentError(command + " takes two nodes");
    if (command == "send-snapshot") return environment_.SendSnapshot(ids[0], ids[1]);
    RETURN_IF_ERROR(environment_.FindNode(ids[1]).status());
  }
  ASSIGN_OR_RETURN(Node * node, environment_.FindNode(ids[0]));
  if (command == "report-unreachable") {
    node->raw->ReportUnreachable(PeerId(ids[1]));
    return absl::OkStatus();
  }
  if (command == "compact") {
    if (ids.size() != 2) return absl::InvalidArgumentError("compact takes a node and an index");
    return node->log->Truncate(Index(ids[1]));
  }
  return RunOnNode(directive, *node);
}

absl::Status Scenario::RunOnNode(const Directive& directive, Node& node) {
  const std::string& command = directive.command;
  if (command == "campaign") return node.raw->Campaign();
  if (command == "tick-election") return Tick(node, node.config.election_timeout_ticks);
  if (command == "tick-heartbeat") return Tick(node, node.config.heartbeat_ticks);
  if (command == "propose-conf-change") return ProposeConfChange(directive, node);
  if (command == "forget-leader") {
    node.raw->ForgetLeader();
    return absl::OkStatus();
  }
  if (command == "set-randomized-election-timeout") {
    ASSIGN_OR_RETURN(std::optional<std::string> value, directive.Value("timeout"));
    if (!value.has_value()) return absl::InvalidArgumentError("no timeout=");
    ASSIGN_OR_RETURN(uint64_t timeout, ParseNumber(*value));
    if (timeout == 0 || timeout > INT32_MAX) {
      return absl::InvalidArgumentError("timeout out of range");
    }
    node.raw->SetRandomizedElectionTimeout(static_cast<uint32_t>(timeout));
    return absl::OkStatus();
  }
  if (command == "status") {
    narrate_(Describe(node.raw->Status()));
    return absl::OkStatus();
  }
  if (command == "raft-log") {
    for (const Entry& entry : node.log->entries()) narrate_(Describe(entry));
    return absl::OkStatus();
  }
  return absl::UnimplementedError("unknown directive " + command);
}

absl::Status Scenario::AddNodes(const Directive& directive) {
  if (directive.arguments.empty()) return absl::InvalidArgumentError("how many nodes?");
  ASSIGN_OR_RETURN(uint64_t count, ParseNumber(directive.arguments[0].key));
  Config config = DefaultConfig();
  Snapshot start;
  for (size_t i = 1; i < directive.arguments.size(); ++i) {
    const Argument& argument = directive.arguments[i];
    for (const std::string& value : argument.values) {
      if (argument.key == "voters" || argument.key == "learners") {
        ASSIGN_OR_RETURN(uint64_t peer, ParseNumber(value));
        ConfState& conf = start.meta.conf_state;
        (argument.key == "voters" ? conf.voters : conf.learners).push_back(PeerId(peer));
      } else {
        RETURN_IF_ERROR(SetOption(argument.key, value, config, start));
      }
    }
  }
  SortPeers(start.meta.conf_state.voters);
  SortPeers(start.meta.conf_state.learners);
  if (!(start == Snapshot())) start.meta.term = Term(1);
  return environment_.AddNodes(count, config, start);
}

absl::Status Scenario::ProposeConfChange(const Directive& directive, Node& node) {
  ConfChange change;
  bool v1 = false;
  for (const Argument& argument : directive.arguments) {
    for (const std::string& value : argument.values) {
      if (argument.key == "v1") {
        ASSIGN_OR_RETURN(v1, ParseBool(value));
      } else if (argument.key == "transition") {
        ASSIGN_OR_RETURN(change.transition, ParseTransition(value));
      } else {
        return absl::InvalidArgumentError("unknown argument " + argument.key);
      }
    }
  }
  ASSIGN_OR_RETURN(change.steps, ParseSteps(directive.input));
  if (v1 && (change.steps.size() != 1 || change.transition != ConfChange::Transition::kAuto)) {
    return absl::InvalidArgumentError("a v1 change is one step without a transition");
  }
  return node.raw->ProposeConfChange(change);
}

absl::Status Scenario::DeliverMessages(const Directive& directive) {
  struct Target {
    uint64_t id;
    bool drop;
  };
  std::vector<Target> targets;
  std::string kind;
  for (const Argument& argument : directive.arguments) {
    if (argument.values.empty()) {
      ASSIGN_OR_RETURN(uint64_t id, ParseNumber(argument.key));
      targets.push_back({id, false});
    }
    for (const std::string& value : argument.values) {
      if (argument.key == "drop") {
        ASSIGN_OR_RETURN(uint64_t id, ParseNumber(value));
        const bool both = std::any_of(targets.begin(), targets.end(),
                                      [id](const Target& target) { return target.id == id; });
        if (both) return absl::InvalidArgumentError("both deliver and drop to node " + value);
        targets.push_back({id, true});
      } else if (argument.key == "type") {
        if (!IsMessageKind(value)) return absl::InvalidArgumentError("unknown type " + value);
        kind = value;
      }
    }
  }
  for (const Target& target : targets) {
    RETURN_IF_ERROR(environment_.Deliver(target.id, kind, target.drop));
  }
  return absl::OkStatus();
}

absl::Status Scenario::TransferLeadership(const Directive& directive) {
  ASSIGN_OR_RETURN(std::optional<std::string> from, directive.Value("from"));
  ASSIGN_OR_RETURN(std::optional<std::string> to, directive.Value("to"));
  if (!from.has_value() || !to.has_value()) return absl::InvalidArgumentError("from= and to=");
  ASSIGN_OR_RETURN(uint64_t from_id, ParseNumber(*from));
  ASSIGN_OR_RETURN(uint64_t to_id, ParseNumber(*to));
  ASSIGN_OR_RETURN(Node * node, environment_.FindNode(from_id));
  RETURN_IF_ERROR(environment_.FindNode(to_id).status());
  node->raw->TransferLeadership(PeerId(to_id));
  return absl::OkStatus();
}

Outcome Scenario::ChangeBareConfiguration(const Directive& directive) {
  auto change = [&]() -> absl::StatusOr<MembershipChange> {
    ASSIGN_OR_RETURN(std::vector<ConfChangeStep> steps, ParseSteps(directive.input));
    if (directive.command == "simple") return SimpleChange(bare_, steps);
    if (directive.command == "enter-joint") {
      ASSIGN_OR_RETURN(std::optional<std::string> value, directive.Value("autoleave"));
      ASSIGN_OR_RETURN(bool auto_leave, ParseBool(value.value_or("false")));
      return EnterJoint(bare_, auto_leave, steps);
    }
    if (!steps.empty()) return absl::InvalidArgumentError("leave-joint takes no input");
    return LeaveJoint(bare_);
  };
  absl::StatusOr<MembershipChange> changed = change();
  if (changed.ok()) bare_ = changed->conf_state;
  narrate_(Describe(bare_));
  return {.status = changed.status(), .conf_state = bare_};
}

}  // namespace flotilla::raft::scenario
