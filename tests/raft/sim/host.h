// One simulated host of one RawNode: its disk with what is synced and what a crash loses, its
// applied state, and the work under way.
#ifndef FLOTILLA_TESTS_RAFT_SIM_HOST_H_
#define FLOTILLA_TESTS_RAFT_SIM_HOST_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/raft/raw_node.h"
#include "tests/raft/scenario/memory_log.h"
#include "tests/raft/sim/options.h"

namespace flotilla::raft::sim {

// What has been applied: `hash` stands for the whole state.
struct AppState {
  EntryId at;
  uint64_t hash = 0;
  ConfState conf;
};

Snapshot ToSnapshot(const AppState& state);
AppState FromSnapshot(const Snapshot& snapshot);

// What the log writer tells the node, some time after a write is durable.
struct WriteAck {
  std::vector<Message> to_self;
  PersistToken token;
};

struct Host {
  explicit Host(PeerId peer);

  bool alive() const { return raw != nullptr; }
  // Makes one append durable.
  void Persist(const LogAppend& append);
  // Loses all that is not durable.
  void Crash();

  const PeerId id;

  // --- Durable ---
  HardState hard_state;
  scenario::MemoryLog log;
  AppState flushed;

  // --- Lost by a crash ---
  std::unique_ptr<RawNode> raw;
  AppState app;
  std::deque<LogAppend> writing;
  std::deque<WriteAck> acks;
  std::deque<std::vector<Entry>> applying;
  bool drive_pending = false;
  Time disk_free_at = 0;
  Time ack_free_at = 0;
  Time apply_free_at = 0;
  std::map<ReadId, Index> reads;  // What was committed when they were asked for.

  // --- The observer's ---
  uint64_t incarnation = 0;
  bool snapshot_unavailable = false;
  Index seen_commit;
  Term seen_term;
  uint64_t seen_round = 0;
  std::map<uint64_t, Time> round_began;  // Of this term, if it leads.
  Time lease_until = 0;
};

}  // namespace flotilla::raft::sim

#endif  // FLOTILLA_TESTS_RAFT_SIM_HOST_H_
