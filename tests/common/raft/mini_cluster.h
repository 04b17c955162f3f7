// A few nodes whose every Ready is handled at once, for tests that step them by hand.
#ifndef FLOTILLA_TESTS_COMMON_RAFT_MINI_CLUSTER_H_
#define FLOTILLA_TESTS_COMMON_RAFT_MINI_CLUSTER_H_

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/raft/raw_node.h"
#include "tests/raft/scenario/memory_log.h"

namespace flotilla::raft {

class MiniCluster {
 public:
  struct Node {
    std::unique_ptr<scenario::MemoryLog> log;
    std::unique_ptr<RawNode> raw;
    HardState hard_state;
    Index applied;
    std::vector<Entry> entries;  // Applied ones.
    std::vector<ReadState> reads;
    std::vector<ReadId> dropped;
  };

  // Nodes 1 to `count`, all voters, with an empty log.
  MiniCluster(uint64_t count, const Config& config) : config_(config), nodes_(count) {
    for (uint64_t id = 1; id <= count; ++id) {
      conf_.voters.emplace_back(id);
      node(id).log = std::make_unique<scenario::MemoryLog>(
          [](PeerId, Index) { return absl::UnavailableError("no snapshots here"); });
    }
    for (uint64_t id = 1; id <= count; ++id) Restart(id);
  }

  Node& node(uint64_t id) { return nodes_[id - 1]; }
  RawNode& raw(uint64_t id) { return *node(id).raw; }

  // Begins again with what is durable.
  void Restart(uint64_t id) {
    Config config = config_;
    config.id = PeerId(id);
    config.random_seed = id;
    auto created =
        RawNode::Create(config, node(id).hard_state, conf_, node(id).applied, node(id).log.get());
    CHECK(created.ok()) << created.status();
    node(id).raw = *std::move(created);
  }

  // Messages from and to these nodes are lost.
  void Isolate(std::set<uint64_t> ids) { isolated_ = std::move(ids); }
  // Messages for which this is true are lost.
  std::function<bool(const Message&)> drop = [](const Message&) { return false; };

  // Handles Readys and loses what they send, and what is on its way.
  void Forget() {
    for (uint64_t id = 1; id <= nodes_.size(); ++id) {
      while (Handle(id)) {
      }
    }
    network_.clear();
  }
  // Handles Readys and delivers messages until there are none.
  void Settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (uint64_t id = 1; id <= nodes_.size(); ++id) moved |= Handle(id);
      while (!network_.empty()) {
        Message message = std::move(network_.front());
        network_.pop_front();
        raw(message.to.value()).Step(std::move(message)).IgnoreError();
        moved = true;
      }
    }
  }

  void Elect(uint64_t id) {
    CHECK(raw(id).Campaign().ok());
    Settle();
    CHECK(raw(id).role() == Role::kLeader);
  }
  void TickAll(uint32_t ticks) {
    for (uint32_t i = 0; i < ticks; ++i) {
      for (uint64_t id = 1; id <= nodes_.size(); ++id) raw(id).Tick();
      Settle();
    }
  }

 private:
  bool Handle(uint64_t id) {
    Node& n = node(id);
    if (!n.raw->HasReady()) return false;
    Ready ready = n.raw->TakeReady();
    if (ready.append.hard_state.has_value()) n.hard_state = *ready.append.hard_state;
    n.log->Append(ready.append.entries);
    for (Message& message : ready.messages) Post(std::move(message));
    for (Message& message : ready.append.messages) Post(std::move(message));
    if (!ready.append.token.empty()) n.raw->OnPersisted(ready.append.token);
    for (Entry& entry : ready.committed) {
      if (entry.type == EntryType::kConfChange) {
        n.raw->ApplyConfChange(*DecodeConfChange(entry.data.view()), entry.index);
      }
      n.applied = entry.index;
      n.entries.push_back(std::move(entry));
    }
    if (!ready.committed.empty()) n.raw->OnApplied(n.applied);
    n.reads.insert(n.reads.end(), ready.reads.begin(), ready.reads.end());
    n.dropped.insert(n.dropped.end(), ready.dropped_reads.begin(), ready.dropped_reads.end());
    return true;
  }
  void Post(Message message) {
    const bool to_self = message.from == message.to;
    const bool cut = isolated_.contains(message.from.value()) ||
                     isolated_.contains(message.to.value()) || drop(message);
    if (to_self || !cut) network_.push_back(std::move(message));
  }

  const Config config_;
  ConfState conf_;
  std::vector<Node> nodes_;
  std::set<uint64_t> isolated_;
  std::deque<Message> network_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_TESTS_COMMON_RAFT_MINI_CLUSTER_H_
