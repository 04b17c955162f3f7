// The vocabulary of the Raft core (Ongaro's thesis, "Consensus: Bridging Theory and Practice").
#ifndef FLOTILLA_COMMON_RAFT_TYPES_H_
#define FLOTILLA_COMMON_RAFT_TYPES_H_

#include <cstdint>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/ids.h"

namespace flotilla::raft {

enum class EntryType : uint8_t {
  kNormal = 0,
  kConfChange = 1,  // `data` is an encoded ConfChange (conf_change.h).
};

struct Entry {
  Term term;
  Index index;
  EntryType type = EntryType::kNormal;
  Bytes data;

  bool operator==(const Entry&) const = default;
};

// A position in a log: two logs that hold the same (term, index) are the same up to there
// (thesis 3.5).
struct EntryId {
  Term term;
  Index index;

  auto operator<=>(const EntryId&) const = default;
};

// What must be durable before a message that depends on it leaves (thesis 3.8).
struct HardState {
  Term term;
  PeerId vote;
  Index commit;

  bool operator==(const HardState&) const = default;
};

// The members of a group. While `voters_outgoing` is not empty the group is in joint consensus
// (thesis 4.3): both halves must agree. Each list is sorted and without repetition.
struct ConfState {
  std::vector<PeerId> voters;
  std::vector<PeerId> voters_outgoing;
  std::vector<PeerId> learners;
  // Voters of the outgoing half that become learners when the joint state is left.
  std::vector<PeerId> learners_next;
  // The leader leaves the joint state by itself as soon as it is committed.
  bool auto_leave = false;

  bool operator==(const ConfState&) const = default;
};

struct SnapshotMeta {
  Index index;
  Term term;
  ConfState conf_state;

  bool operator==(const SnapshotMeta&) const = default;
};

// `data` is the tenant's: the whole state (PD) or the name under which the received files wait
// (stores).
struct Snapshot {
  SnapshotMeta meta;
  Bytes data;

  bool operator==(const Snapshot&) const = default;
};

enum class Role : uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

// Names one linearizable read that waits for its index. Chosen by the caller, unique a process run.
using ReadId = StrongInt<struct ReadIdTag>;

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_TYPES_H_
