#include "tests/raft/scenario/environment.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/raft/describe.h"
#include "common/raft/membership.h"

namespace flotilla::raft::scenario {
namespace {

// A run that does not come to rest after so many rounds never will.
constexpr int kMaxStabilizeRounds = 10'000;

constexpr std::array<std::string_view, 24> kKinds = {"MsgHup",
                                                     "MsgBeat",
                                                     "MsgProp",
                                                     "MsgApp",
                                                     "MsgAppResp",
                                                     "MsgVote",
                                                     "MsgVoteResp",
                                                     "MsgSnap",
                                                     "MsgHeartbeat",
                                                     "MsgHeartbeatResp",
                                                     "MsgUnreachable",
                                                     "MsgSnapStatus",
                                                     "MsgCheckQuorum",
                                                     "MsgTransferLeader",
                                                     "MsgTimeoutNow",
                                                     "MsgReadIndex",
                                                     "MsgReadIndexResp",
                                                     "MsgPreVote",
                                                     "MsgPreVoteResp",
                                                     "MsgStorageAppend",
                                                     "MsgStorageAppendResp",
                                                     "MsgStorageApply",
                                                     "MsgStorageApplyResp",
                                                     "MsgForgetLeader"};

struct KindOf {
  std::string_view operator()(const VoteRequest& m) const {
    return m.pre_vote ? "MsgPreVote" : "MsgVote";
  }
  std::string_view operator()(const VoteResponse& m) const {
    return m.pre_vote ? "MsgPreVoteResp" : "MsgVoteResp";
  }
  std::string_view operator()(const AppendRequest&) const { return "MsgApp"; }
  std::string_view operator()(const AppendResponse&) const { return "MsgAppResp"; }
  std::string_view operator()(const AppendRejection&) const { return "MsgAppResp"; }
  std::string_view operator()(const Heartbeat&) const { return "MsgHeartbeat"; }
  std::string_view operator()(const HeartbeatResponse&) const { return "MsgHeartbeatResp"; }
  std::string_view operator()(const InstallSnapshot&) const { return "MsgSnap"; }
  std::string_view operator()(const TimeoutNow&) const { return "MsgTimeoutNow"; }
  std::string_view operator()(const TransferLeaderRequest&) const { return "MsgTransferLeader"; }
  std::string_view operator()(const ForwardedProposal&) const { return "MsgProp"; }
  std::string_view operator()(const ReadIndexRequest&) const { return "MsgReadIndex"; }
  std::string_view operator()(const ReadIndexResponse&) const { return "MsgReadIndexResp"; }
};

}  // namespace

bool IsMessageKind(std::string_view kind) {
  return std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end();
}

bool InFlight::local() const {
  const auto* message = std::get_if<Message>(&what);
  if (message == nullptr || message->from == message->to) return true;
  // In the script form a forwarded wish for a transfer speaks in the name of its target.
  const auto* transfer = std::get_if<TransferLeaderRequest>(&message->body);
  return transfer != nullptr && transfer->target == message->to;
}

std::string_view InFlight::kind() const {
  if (const auto* message = std::get_if<Message>(&what); message != nullptr) {
    return std::visit(KindOf{}, message->body);
  }
  return std::holds_alternative<PersistedNotice>(what) ? "MsgStorageAppendResp"
                                                       : "MsgStorageApplyResp";
}

std::string InFlight::ToString() const {
  if (const auto* message = std::get_if<Message>(&what); message != nullptr) {
    return Describe(*message);
  }
  std::ostringstream out;
  if (const auto* persisted = std::get_if<PersistedNotice>(&what); persisted != nullptr) {
    const PersistToken& token = persisted->token;
    out << "writer->" << to << " persisted term=" << token.term;
    if (token.last.index != Index(0)) out << " up to " << Describe(token.last);
    if (token.snapshot.has_value()) out << " snapshot " << *token.snapshot;
  } else {
    out << "applier->" << to << " applied up to " << std::get<AppliedNotice>(what).index;
  }
  return out.str();
}

absl::Status Environment::AddNodes(uint64_t count, const Config& config, const Snapshot& start) {
  if (!(start == Snapshot()) && start.meta.index <= Index(1)) {
    return absl::InvalidArgumentError("index must be more than 1");
  }
  std::vector<std::unique_ptr<Node>> added;
  for (uint64_t i = 0; i < count; ++i) {
    auto node = std::make_unique<Node>();
    node->id = PeerId(nodes_.size() + added.size() + 1);
    node->config = config;
    node->config.id = node->id;
    node->config.random_seed = node->id.value();
    node->state = start;
    node->log = std::make_unique<MemoryLog>(
        [state = &node->state](PeerId, Index) -> absl::StatusOr<Snapshot> {
          if (state->meta.index == Index(0)) return absl::UnavailableError("nothing applied yet");
          return *state;
        });
    if (start.meta.index > Index(0)) RETURN_IF_ERROR(node->log->Restore(start.meta));
    ASSIGN_OR_RETURN(node->raw, RawNode::Create(node->config, HardState(), start.meta.conf_state,
                                                start.meta.index, node->log.get()));
    added.push_back(std::move(node));
  }
  for (auto& node : added) nodes_.push_back(std::move(node));
  return absl::OkStatus();
}

absl::StatusOr<Node*> Environment::FindNode(uint64_t id) {
  if (id == 0 || id > nodes_.size()) {
    return absl::NotFoundError("no node " + std::to_string(id));
  }
  return nodes_[id - 1].get();
}

std::vector<uint64_t> Environment::AllIds() const {
  std::vector<uint64_t> ids;
  for (const auto& node : nodes_) ids.push_back(node->id.value());
  return ids;
}

// --- Storage ------------------------------------------------------------------------------------

absl::Status Environment::Write(Node& node, const LogAppend& append) {
  if (append.hard_state.has_value()) node.hard_state = *append.hard_state;
  if (append.snapshot.has_value()) RETURN_IF_ERROR(node.log->Restore(append.snapshot->meta));
  if (append.snapshot.has_value()) node.state = *append.snapshot;
  node.log->Append(append.entries);
  return absl::OkStatus();
}

absl::Status Environment::Apply(Node& node, const std::vector<Entry>& entries) {
  std::string data(node.state.data.view());
  for (const Entry& entry : entries) {
    // Handed out before a snapshot that was written meanwhile and holds it already.
    if (entry.index <= node.state.meta.index) continue;
    if (entry.type == EntryType::kConfChange) {
      ASSIGN_OR_RETURN(ConfChange change, DecodeConfChange(entry.data.view()));
      ASSIGN_OR_RETURN(MembershipChange changed,
                       ChangeMembership(node.state.meta.conf_state, change));
      node.raw->ApplyConfChange(change, entry.index);
      node.state.meta.conf_state = changed.conf_state;
      data += change.context.view();
    } else {
      data += entry.data.view();
    }
    node.state.meta.term = entry.term;
    node.state.meta.index = entry.index;
  }
  node.state.data = Bytes(std::move(data));
  return absl::OkStatus();
}

// --- Steps --------------------------------------------------------------------------------------

void Environment::Send(std::vector<Message> messages) {
  for (Message& message : messages) {
    const PeerId to = message.to;
    in_flight_.push_back({to, std::move(message)});
  }
}

absl::Status Environment::ProcessReady(Node& node) {
  if (!node.raw->HasReady()) {
    narrate_("nothing to do");
    return absl::OkStatus();
  }
  Ready ready = node.raw->TakeReady();
  narrate_(Describe(ready));
  if (node.config.async_storage_writes) {
    Send(std::move(ready.messages));
    if (!ready.append.empty()) node.append_work.push_back(std::move(ready.append));
    if (!ready.committed.empty()) node.apply_work.push_back(std::move(ready.committed));
    return absl::OkStatus();
  }

  RETURN_IF_ERROR(Write(node, ready.append));
  RETURN_IF_ERROR(Apply(node, ready.committed));
  Send(std::move(ready.messages));
  std::vector<Message> to_self;
  for (Message& message : ready.append.messages) {
    if (message.to == node.id) {
      to_self.push_back(std::move(message));
    } else {
      in_flight_.push_back({message.to, std::move(message)});
    }
  }
  // What the node promised itself counts now that it is durable. It may be of no use any more.
  for (Message& message : to_self) node.raw->Step(std::move(message)).IgnoreError();
  if (!ready.append.token.empty()) node.raw->OnPersisted(ready.append.token);
  if (!ready.committed.empty()) node.raw->OnApplied(ready.committed.back().index);
  return absl::OkStatus();
}

absl::Status Environment::ProcessAppend(Node& node) {
  if (node.append_work.empty()) {
    narrate_("nothing to write");
    return absl::OkStatus();
  }
  LogAppend append = std::move(node.append_work.front());
  node.append_work.pop_front();
  Ready shown;
  shown.append = append;
  narrate_(Describe(shown));
  RETURN_IF_ERROR(Write(node, append));
  Send(std::move(append.messages));
  if (!append.token.empty()) in_flight_.push_back({node.id, PersistedNotice{append.token}});
  return absl::OkStatus();
}

absl::Status Environment::ProcessApply(Node& node) {
  if (node.apply_work.empty()) {
    narrate_("nothing to apply");
    return absl::OkStatus();
  }
  std::vector<Entry> entries = std::move(node.apply_work.front());
  node.apply_work.pop_front();
  Ready shown;
  shown.committed = entries;
  narrate_(Describe(shown));
  RETURN_IF_ERROR(Apply(node, entries));
  in_flight_.push_back({node.id, AppliedNotice{entries.back().index}});
  return absl::OkStatus();
}

// --- Messages -----------------------------------------------------------------------------------

void Environment::DeliverOne(Node& node, InFlight in_flight) {
  if (auto* message = std::get_if<Message>(&in_flight.what); message != nullptr) {
    absl::Status status = node.raw->Step(std::move(*message));
    if (!status.ok()) narrate_("  " + status.ToString());
  } else if (auto* persisted = std::get_if<PersistedNotice>(&in_flight.what);
             persisted != nullptr) {
    node.raw->OnPersisted(persisted->token);
  } else {
    node.raw->OnApplied(std::get<AppliedNotice>(in_flight.what).index);
  }
}

absl::Status Environment::Deliver(uint64_t to, std::string_view kind, bool drop) {
  std::vector<InFlight> taken;
  std::vector<InFlight> left;
  for (InFlight& in_flight : in_flight_) {
    const bool take = in_flight.to == PeerId(to) && !(drop && in_flight.local()) &&
                      (kind.empty() || in_flight.kind() == kind);
    (take ? taken : left).push_back(std::move(in_flight));
  }
  in_flight_ = std::move(left);
  if (drop) {
    for (const InFlight& in_flight : taken) narrate_("dropped: " + in_flight.ToString());
    return absl::OkStatus();
  }
  if (taken.empty()) return absl::OkStatus();
  absl::StatusOr<Node*> node = FindNode(to);
  if (!node.ok()) {
    in_flight_.insert(in_flight_.end(), taken.begin(), taken.end());
    return node.status();
  }
  for (InFlight& in_flight : taken) {
    narrate_(in_flight.ToString());
    DeliverOne(**node, std::move(in_flight));
  }
  return absl::OkStatus();
}

absl::Status Environment::SendSnapshot(uint64_t from, uint64_t to) {
  ASSIGN_OR_RETURN(Node * sender, FindNode(from));
  RETURN_IF_ERROR(FindNode(to).status());
  Message message{.from = sender->id,
                  .to = PeerId(to),
                  .term = sender->raw->term(),
                  .body = InstallSnapshot{sender->state}};
  narrate_(Describe(message));
  in_flight_.push_back({message.to, std::move(message)});
  return absl::OkStatus();
}

// --- Until nothing changes ----------------------------------------------------------------------

absl::StatusOr<bool> Environment::StabilizeOnce(const std::vector<Node*>& nodes) {
  bool changed = false;
  for (Node* node : nodes) {
    if (!node->raw->HasReady()) continue;
    narrate_("> " + std::to_string(node->id.value()) + " handles a Ready");
    RETURN_IF_ERROR(ProcessReady(*node));
    changed = true;
  }
  for (Node* node : nodes) {
    const bool waits = std::any_of(in_flight_.begin(), in_flight_.end(),
                                   [node](const InFlight& m) { return m.to == node->id; });
    if (!waits) continue;
    narrate_("> " + std::to_string(node->id.value()) + " receives");
    RETURN_IF_ERROR(Deliver(node->id.value(), "", /*drop=*/false));
    changed = true;
  }
  for (Node* node : nodes) {
    if (!node->append_work.empty()) {
      narrate_("> " + std::to_string(node->id.value()) + " writes");
      changed = true;
    }
    while (!node->append_work.empty()) RETURN_IF_ERROR(ProcessAppend(*node));
  }
  for (Node* node : nodes) {
    if (!node->apply_work.empty()) {
      narrate_("> " + std::to_string(node->id.value()) + " applies");
      changed = true;
    }
    while (!node->apply_work.empty()) RETURN_IF_ERROR(ProcessApply(*node));
  }
  return changed;
}

absl::Status Environment::Stabilize(const std::vector<uint64_t>& ids) {
  std::vector<Node*> nodes;
  for (uint64_t id : ids) {
    ASSIGN_OR_RETURN(Node * node, FindNode(id));
    nodes.push_back(node);
  }
  for (int round = 0; round < kMaxStabilizeRounds; ++round) {
    ASSIGN_OR_RETURN(bool changed, StabilizeOnce(nodes));
    if (!changed) return absl::OkStatus();
  }
  return absl::DeadlineExceededError("does not come to rest");
}

}  // namespace flotilla::raft::scenario
