#include "tests/raft/scenario/report.h"

#include <sstream>
#include <vector>

#include "common/raft/describe.h"

namespace flotilla::raft::scenario {
namespace {

std::string Quote(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      out += "\\u00";
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

std::string PeersJson(const std::vector<PeerId>& peers) {
  std::string out = "[";
  for (PeerId peer : peers) {
    if (out.size() > 1) out += ",";
    out += std::to_string(peer.value());
  }
  return out + "]";
}

std::string ConfJson(const ConfState& conf) {
  return "{\"voters\":" + PeersJson(conf.voters) +
         ",\"outgoing\":" + PeersJson(conf.voters_outgoing) +
         ",\"learners\":" + PeersJson(conf.learners) +
         ",\"learners_next\":" + PeersJson(conf.learners_next) +
         ",\"auto_leave\":" + (conf.auto_leave ? "true" : "false") + "}";
}

void NodeJson(const Node& node, std::ostream& out) {
  const NodeStatus status = node.raw->Status();
  out << "{\"id\":" << node.id << ",\"term\":" << status.hard_state.term
      << ",\"vote\":" << status.hard_state.vote << ",\"commit\":" << status.hard_state.commit
      << ",\"leader\":" << status.soft_state.leader << ",\"first\":" << node.log->first_index()
      << ",\"last\":" << node.log->last_index() << ",\"role\":\""
      << raft::Name(status.soft_state.role) << "\",\"config\":" << ConfJson(status.conf_state)
      << ",\"log\":[";
  bool first = true;
  for (const Entry& entry : node.log->entries()) {
    out << (first ? "" : ",") << Quote(Describe(EntryId{entry.term, entry.index}));
    first = false;
  }
  out << "]";
  if (status.soft_state.role == Role::kLeader) {
    out << ",\"progress\":{";
    first = true;
    for (const auto& [peer, progress] : status.progress) {
      out << (first ? "" : ",") << "\"" << peer << "\":{\"match\":" << progress.match
          << ",\"next\":" << progress.next << ",\"state\":\"" << raft::Name(progress.state)
          << "\"}";
      first = false;
    }
    out << "}";
  }
  out << "}";
}

}  // namespace

std::string_view Name(VoteResult result) {
  switch (result) {
    case VoteResult::kWon:
      return "Won";
    case VoteResult::kLost:
      return "Lost";
    case VoteResult::kPending:
      return "Pending";
  }
  return "?";
}

std::string ReportJson(std::string_view command, const Outcome& outcome,
                       const Environment& environment) {
  std::ostringstream out;
  const std::string error = outcome.status.ok() ? "" : std::string(outcome.status.message());
  out << "{\"cmd\":" << Quote(command) << ",\"error\":" << Quote(error)
      << ",\"inflight\":" << environment.in_flight().size() << ",\"nodes\":[";
  bool first = true;
  for (const auto& node : environment.nodes()) {
    if (!first) out << ",";
    NodeJson(*node, out);
    first = false;
  }
  out << "]";
  if (outcome.index.has_value()) out << ",\"index\":" << *outcome.index;
  if (outcome.result.has_value()) out << ",\"result\":\"" << Name(*outcome.result) << "\"";
  if (outcome.conf_state.has_value()) out << ",\"config\":" << ConfJson(*outcome.conf_state);
  out << "}";
  return out.str();
}

}  // namespace flotilla::raft::scenario
