// What peers promise each other in the messages that they send, held against what they know after a
// restart and against what they promise later:
//  - a term that was told does not go back;
//  - a term has one vote of each peer;
//  - entries that were acknowledged are there as long as the term is.
//
// Of many groups. Not thread-safe.
#ifndef FLOTILLA_TESTS_SUPPORT_RAFT_PROMISES_H_
#define FLOTILLA_TESTS_SUPPORT_RAFT_PROMISES_H_

#include <map>
#include <utility>

#include "common/base/ids.h"
#include "common/net/envelope.h"
#include "common/raft/types.h"
#include "common/raftlog/log_engine.h"
#include "tests/support/violations.h"

namespace flotilla::testing {

class RaftPromises {
 public:
  // `violations` must outlive this.
  explicit RaftPromises(Violations* violations) : violations_(violations) {}

  // The message leaves its sender.
  void OnSend(const net::Envelope& envelope);
  // The peer starts, with what its store has kept of the group.
  void OnStart(RegionId region, PeerId peer, const raftlog::GroupState& kept);

 private:
  struct Promised {
    Term term;
    Index acknowledged;  // In `term`.
    std::map<Term, PeerId> votes;
  };

  void OnTerm(Promised& promised, Term term);
  void OnVote(const net::Envelope& envelope, Term term, PeerId candidate);

  Violations* const violations_;
  std::map<std::pair<RegionId, PeerId>, Promised> promised_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_RAFT_PROMISES_H_
