// What a leader tells PD of its region, and what it must watch for that.
#ifndef FLOTILLA_STORE_REGION_PEER_REPORT_H_
#define FLOTILLA_STORE_REGION_PEER_REPORT_H_

#include <map>
#include <set>

#include "common/env/clock.h"
#include "common/raft/raw_node.h"
#include "store/region/region_index.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::store {

// Which followers a leader has not heard of, since when, and which are far behind.
//
// Thread: the leader's raft worker.
class FollowerWatch {
 public:
  // Followers that are silent for longer count as down.
  static constexpr env::Duration kDownAfter = std::chrono::seconds(5);
  // Followers with more entries to come count as pending.
  static constexpr uint64_t kPendingLag = 100;

  // A message came from the peer.
  void Heard(PeerId peer, env::Instant now) { heard_.insert_or_assign(peer, now); }
  // Looks at the followers. True when the set of down or of pending ones changed.
  bool Update(const raft::NodeStatus& status, env::Instant now);
  void Clear();

  const std::set<PeerId>& pending() const { return pending_; }
  // When each follower was heard of last, or first looked at.
  const std::map<PeerId, env::Instant>& heard() const { return heard_; }
  bool IsDown(PeerId peer, env::Instant now) const;

 private:
  std::map<PeerId, env::Instant> heard_;
  std::set<PeerId> pending_;
  std::set<PeerId> down_;
};

// Traffic since the last report.
struct TrafficMark {
  uint64_t bytes_written = 0;
  uint64_t keys_written = 0;
  uint64_t bytes_read = 0;
  uint64_t keys_read = 0;
  int64_t wall_seconds = 0;
};

// The report of the region that `view`'s peer leads in `term`. Moves `mark` to now.
pdpb::RegionHeartbeatRequest MakeReport(const RegionView& view, Term term,
                                        const FollowerWatch& followers, const env::Clock& clock,
                                        TrafficMark& mark);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_PEER_REPORT_H_
