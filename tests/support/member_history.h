// The configurations that groups went through, as their replicas apply them:
//  - all replicas apply the same changes in the same order;
//  - any quorum of a configuration meets any quorum of the next one;
//  - at most one change is in flight: it is proposed only after the one before it is applied.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SUPPORT_MEMBER_HISTORY_H_
#define FLOTILLA_TESTS_SUPPORT_MEMBER_HISTORY_H_

#include <cstdint>
#include <map>
#include <utility>

#include "common/base/ids.h"
#include "common/net/envelope.h"
#include "common/raft/types.h"
#include "tests/support/violations.h"

namespace flotilla::testing {

// True when no decision of `before` and no decision of `after` can be made without each other's
// knowledge: every set of peers that is a quorum of the one leaves no quorum of the other. By trial
// of all sets.
bool QuorumsMeet(const raft::ConfState& before, const raft::ConfState& after);

class MemberHistory {
 public:
  // `violations` must outlive this.
  explicit MemberHistory(Violations* violations) : violations_(violations) {}

  void OnBootstrap(RegionId region, Index index, const raft::ConfState& conf);
  // A message is sent: it may be the first that tells of a proposed change.
  void OnSend(const net::Envelope& envelope);
  // A replica applied a change and has this configuration now.
  void OnChanged(RegionId region, raft::EntryId at, const raft::ConfState& conf);

  // As of the applied `index`. Null: nothing is known of the group.
  const raft::ConfState* At(RegionId region, Index index) const;
  uint64_t changes() const { return changes_; }

 private:
  struct Change {
    raft::ConfState conf;
    raft::EntryId at;
    uint64_t applied_first = 0;  // When, in the order of what is told to this class.
  };
  using Changes = std::map<Index, Change>;

  void CheckNext(RegionId region, const Change& before, const Change& after);

  Violations* const violations_;
  uint64_t now_ = 0;
  uint64_t changes_ = 0;
  std::map<RegionId, Changes> groups_;
  // When a proposed change was first told of.
  std::map<std::pair<RegionId, raft::EntryId>, uint64_t> proposed_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_MEMBER_HISTORY_H_
