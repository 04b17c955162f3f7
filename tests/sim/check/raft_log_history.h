// What all stores write to the logs of all regions, held against each other (thesis, figure 3.2):
//  - log matching: an entry of one index and term is the same everywhere, and so is what precedes
//  it;
//  - state machine safety: what is committed at an index is the same everywhere;
//  - leader completeness: a leader puts nothing in the place of what was committed before its term;
//  - a peer that a tombstone tells of says nothing any more.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_CHECK_RAFT_LOG_HISTORY_H_
#define FLOTILLA_TESTS_SIM_CHECK_RAFT_LOG_HISTORY_H_

#include <map>
#include <tuple>
#include <utility>

#include "common/env/clock.h"
#include "common/net/envelope.h"
#include "common/raftlog/log_engine.h"
#include "tests/support/violations.h"

namespace flotilla::sim {

class RaftLogHistory {
 public:
  // Both must outlive this.
  RaftLogHistory(const env::Clock* clock, testing::Violations* violations)
      : clock_(clock), violations_(violations) {}

  // `written` was added to what `log` holds, which is that of `store`.
  void OnWritten(StoreId store, const raftlog::LogBatch& written, const raftlog::LogEngine& log);
  // The message leaves its sender.
  void OnSend(const net::Envelope& envelope);
  // The position is applied.
  void OnApplied(StoreId store, RegionId region, raft::EntryId applied);

 private:
  struct Logged {
    Term previous;
    uint64_t payload = 0;
  };
  struct Committed {
    Term term;
    // A term in which that was known: all leaders of later ones hold the entry.
    Term known_in;
  };
  struct Region {
    std::map<raft::EntryId, Logged> logged;
    std::map<Index, Committed> committed;
    Term newest;  // Of all entries.
    // How far the commits of a store were looked at.
    std::map<StoreId, Index> looked_at;
    std::map<PeerId, env::Instant> removed;
  };

  void CheckEntries(StoreId store, const raftlog::LogChange& change, const raftlog::LogEngine& log);
  // `entry` is the first of its term that anybody writes: its leader's log is what precedes it.
  void CheckLeader(StoreId store, RegionId region, raft::EntryId entry,
                   const raftlog::LogEngine& log);
  void CheckCommit(StoreId store, RegionId region, raft::EntryId committed, Term known_in);
  void CheckCommits(StoreId store, const raftlog::LogChange& change, const raftlog::LogEngine& log);

  const env::Clock* const clock_;
  testing::Violations* const violations_;
  std::map<RegionId, Region> regions_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_CHECK_RAFT_LOG_HISTORY_H_
