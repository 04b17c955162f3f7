// The stage of a scenario: nodes, their storage, the messages on the way, and what can be done to
// them. Everything happens in the order in which it is asked for.
#ifndef FLOTILLA_TESTS_RAFT_SCENARIO_ENVIRONMENT_H_
#define FLOTILLA_TESTS_RAFT_SCENARIO_ENVIRONMENT_H_

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/raft/raw_node.h"
#include "tests/raft/scenario/memory_log.h"

namespace flotilla::raft::scenario {

// What a node's log writer and applier tell it. They travel among the messages, but are never lost.
struct PersistedNotice {
  PersistToken token;
};
struct AppliedNotice {
  Index index;
};

struct InFlight {
  PeerId to;
  std::variant<Message, PersistedNotice, AppliedNotice> what;

  // Of the node to itself: may not be dropped.
  bool local() const;
  // The kind in the script form's vocabulary, e.g. "MsgAppResp".
  std::string_view kind() const;
  std::string ToString() const;
};

struct Node {
  PeerId id;
  Config config;
  std::unique_ptr<MemoryLog> log;
  HardState hard_state;  // As written.
  std::unique_ptr<RawNode> raw;
  Snapshot state;  // The latest applied one; its data is all payloads, one after the other.
  std::deque<LogAppend> append_work;
  std::deque<std::vector<Entry>> apply_work;
};

class Environment {
 public:
  // `narrate` hears what happens, line by line.
  explicit Environment(std::function<void(std::string_view)> narrate)
      : narrate_(std::move(narrate)) {}

  // Adds `count` nodes that start from `start` (an empty one: from nothing). `config` is a template
  // for all but the id.
  absl::Status AddNodes(uint64_t count, const Config& config, const Snapshot& start);

  absl::StatusOr<Node*> FindNode(uint64_t id);
  std::vector<uint64_t> AllIds() const;
  const std::deque<std::unique_ptr<Node>>& nodes() const { return nodes_; }
  const std::vector<InFlight>& in_flight() const { return in_flight_; }

  // One Ready: persist, send, apply, complete; with asynchronous writes only hand over.
  absl::Status ProcessReady(Node& node);
  // One step of the log writer, of the applier.
  absl::Status ProcessAppend(Node& node);
  absl::Status ProcessApply(Node& node);
  // Delivers or drops what waits for node `to`; only messages of `kind` unless that is empty.
  absl::Status Deliver(uint64_t to, std::string_view kind, bool drop);
  // All of the above on those nodes until nothing changes.
  absl::Status Stabilize(const std::vector<uint64_t>& ids);
  // Puts a snapshot of one node's state on the way to another.
  absl::Status SendSnapshot(uint64_t from, uint64_t to);

 private:
  absl::Status Write(Node& node, const LogAppend& append);
  absl::Status Apply(Node& node, const std::vector<Entry>& entries);
  void Send(std::vector<Message> messages);
  void DeliverOne(Node& node, InFlight in_flight);
  absl::StatusOr<bool> StabilizeOnce(const std::vector<Node*>& nodes);

  std::function<void(std::string_view)> narrate_;
  std::deque<std::unique_ptr<Node>> nodes_;
  std::vector<InFlight> in_flight_;
};

// Is `kind` a word of the script form's vocabulary?
bool IsMessageKind(std::string_view kind);

}  // namespace flotilla::raft::scenario

#endif  // FLOTILLA_TESTS_RAFT_SCENARIO_ENVIRONMENT_H_
