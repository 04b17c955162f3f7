#include "common/raft/describe.h"

#include <sstream>
#include <type_traits>
#include <vector>

namespace flotilla::raft {
namespace {

std::string Quote(std::string_view data) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : data) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      out.push_back(c);
    } else {
      out += "\\x";
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out + "\"";
}

std::string Join(const std::vector<PeerId>& peers) {
  std::string out = "(";
  for (PeerId peer : peers) {
    if (out.size() > 1) out += " ";
    out += std::to_string(peer.value());
  }
  return out + ")";
}

void Print(std::ostream& out, const VoteRequest& m) {
  out << " last=" << Describe(m.last);
  if (m.leadership_transfer) out << " transfer";
}
void Print(std::ostream& out, const VoteResponse& m) {
  out << (m.rejected ? " refused" : " granted");
}
void Print(std::ostream& out, const AppendRequest& m) {
  out << " prev=" << Describe(m.prev) << " commit=" << m.commit;
  if (m.entries.empty()) return;
  out << " entries=[";
  for (size_t i = 0; i < m.entries.size(); ++i) {
    out << (i > 0 ? ", " : "") << Describe(m.entries[i]);
  }
  out << "]";
}
void Print(std::ostream& out, const AppendResponse& m) { out << " index=" << m.index; }
void Print(std::ostream& out, const AppendRejection& m) {
  out << " rejected=" << m.rejected_index << " hint=" << Describe(m.hint);
}
void Print(std::ostream& out, const Heartbeat& m) {
  out << " commit=" << m.commit << " round=" << m.round;
}
void Print(std::ostream& out, const HeartbeatResponse& m) { out << " round=" << m.round; }
void Print(std::ostream& out, const InstallSnapshot& m) {
  const SnapshotMeta& meta = m.snapshot.meta;
  out << " at=" << Describe(EntryId{meta.term, meta.index})
      << " conf=" << Describe(meta.conf_state);
}
void Print(std::ostream&, const TimeoutNow&) {}
void Print(std::ostream& out, const TransferLeaderRequest& m) { out << " target=" << m.target; }
void Print(std::ostream& out, const ForwardedProposal& m) {
  for (const Entry& entry : m.entries) out << " " << Quote(entry.data.view());
}
void Print(std::ostream& out, const ReadIndexRequest& m) { out << " read=" << m.read_id; }
void Print(std::ostream& out, const ReadIndexResponse& m) {
  out << " read=" << m.read_id << " index=" << m.index;
}

struct KindName {
  std::string_view operator()(const VoteRequest& m) const {
    return m.pre_vote ? "PreVoteRequest" : "VoteRequest";
  }
  std::string_view operator()(const VoteResponse& m) const {
    return m.pre_vote ? "PreVoteResponse" : "VoteResponse";
  }
  std::string_view operator()(const AppendRequest&) const { return "AppendRequest"; }
  std::string_view operator()(const AppendResponse&) const { return "AppendResponse"; }
  std::string_view operator()(const AppendRejection&) const { return "AppendRejection"; }
  std::string_view operator()(const Heartbeat&) const { return "Heartbeat"; }
  std::string_view operator()(const HeartbeatResponse&) const { return "HeartbeatResponse"; }
  std::string_view operator()(const InstallSnapshot&) const { return "InstallSnapshot"; }
  std::string_view operator()(const TimeoutNow&) const { return "TimeoutNow"; }
  std::string_view operator()(const TransferLeaderRequest&) const {
    return "TransferLeaderRequest";
  }
  std::string_view operator()(const ForwardedProposal&) const { return "ForwardedProposal"; }
  std::string_view operator()(const ReadIndexRequest&) const { return "ReadIndexRequest"; }
  std::string_view operator()(const ReadIndexResponse&) const { return "ReadIndexResponse"; }
};

}  // namespace

std::string_view Name(Role role) {
  switch (role) {
    case Role::kFollower:
      return "Follower";
    case Role::kPreCandidate:
      return "PreCandidate";
    case Role::kCandidate:
      return "Candidate";
    case Role::kLeader:
      return "Leader";
  }
  return "?";
}

std::string_view Name(ProgressState state) {
  switch (state) {
    case ProgressState::kProbe:
      return "Probe";
    case ProgressState::kReplicate:
      return "Replicate";
    case ProgressState::kSnapshot:
      return "Snapshot";
  }
  return "?";
}

std::string_view Kind(const Message& message) { return std::visit(KindName{}, message.body); }

std::string Describe(EntryId id) {
  return std::to_string(id.term.value()) + "/" + std::to_string(id.index.value());
}

std::string Describe(const Entry& entry) {
  std::string out = Describe(EntryId{entry.term, entry.index});
  if (entry.type == EntryType::kConfChange) {
    absl::StatusOr<ConfChange> change = DecodeConfChange(entry.data.view());
    return out + " conf[" + (change.ok() ? Describe(*change) : "malformed") + "]";
  }
  return entry.data.empty() ? out : out + " " + Quote(entry.data.view());
}

std::string Describe(const HardState& state) {
  std::ostringstream out;
  out << "term=" << state.term << " vote=" << state.vote << " commit=" << state.commit;
  return out.str();
}

std::string Describe(const SoftState& state) {
  return std::string(Name(state.role)) + ", leader " + std::to_string(state.leader.value());
}

std::string Describe(const ConfState& conf) {
  std::string out = Join(conf.voters);
  if (!conf.voters_outgoing.empty()) out += "&&" + Join(conf.voters_outgoing);
  if (!conf.learners.empty()) out += " learners=" + Join(conf.learners);
  if (!conf.learners_next.empty()) out += " learners_next=" + Join(conf.learners_next);
  if (conf.auto_leave) out += " auto_leave";
  return out;
}

std::string Describe(const ConfChange& change) {
  if (change.LeavesJoint()) return "leave joint";
  std::string out;
  for (const ConfChangeStep& step : change.steps) {
    static constexpr char kLetters[] = {'v', 'r', 'u', 'l'};
    if (!out.empty()) out += " ";
    out.push_back(kLetters[static_cast<size_t>(step.type)]);
    out += std::to_string(step.peer.value());
  }
  if (change.transition == ConfChange::Transition::kImplicit) out += " implicit";
  if (change.transition == ConfChange::Transition::kExplicit) out += " explicit";
  return out;
}

std::string Describe(const Message& message) {
  std::ostringstream out;
  out << message.from << "->" << message.to << " " << Kind(message);
  if (message.term != Term(0)) out << " term=" << message.term;
  std::visit([&out](const auto& body) { Print(out, body); }, message.body);
  return out.str();
}

std::string Describe(const Ready& ready) {
  std::ostringstream out;
  const LogAppend& append = ready.append;
  if (ready.soft_state.has_value()) out << "role: " << Describe(*ready.soft_state) << "\n";
  if (append.hard_state.has_value()) out << "write: " << Describe(*append.hard_state) << "\n";
  if (append.snapshot.has_value()) {
    const SnapshotMeta& meta = append.snapshot->meta;
    out << "write: snapshot " << Describe(EntryId{meta.term, meta.index})
        << " conf=" << Describe(meta.conf_state) << "\n";
  }
  for (const Entry& entry : append.entries) out << "write: " << Describe(entry) << "\n";
  for (const Entry& entry : ready.committed) out << "apply: " << Describe(entry) << "\n";
  for (const Message& message : ready.messages) out << "send: " << Describe(message) << "\n";
  for (const Message& message : append.messages) {
    out << "send when written: " << Describe(message) << "\n";
  }
  for (const ReadState& read : ready.reads) {
    out << "read: " << read.read_id << " at " << read.index << "\n";
  }
  for (ReadId read : ready.dropped_reads) out << "read dropped: " << read << "\n";
  return out.str();
}

std::string Describe(const NodeStatus& status) {
  std::ostringstream out;
  out << status.id << ": " << Describe(status.soft_state) << " " << Describe(status.hard_state)
      << " applied=" << status.applied << " last=" << status.last_index
      << " conf=" << Describe(status.conf_state) << "\n";
  for (const auto& [peer, progress] : status.progress) {
    out << "  " << peer << ": " << Name(progress.state) << " match=" << progress.match
        << " next=" << progress.next;
    if (progress.is_learner) out << " learner";
    if (!progress.recently_active) out << " inactive";
    if (progress.pending_snapshot != Index(0)) out << " snapshot=" << progress.pending_snapshot;
    if (progress.inflight_messages > 0) out << " inflight=" << progress.inflight_messages;
    out << "\n";
  }
  return out.str();
}

}  // namespace flotilla::raft
