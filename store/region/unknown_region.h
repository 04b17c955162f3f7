// What becomes of Raft messages to regions that this store does not have: a new peer, silence, or
// word to the sender that it is out of date.
//
// The race that makes it delicate (docs/split.md): a child of a split elects its leader on one
// store while another store has not applied the split yet. A message for the child must not create
// a peer there, because the range is still the parent's; but if the requests for votes were simply
// dropped, the child would have no leader for an election timeout. So they are kept and handed to
// the child once the split has made it.
#ifndef FLOTILLA_STORE_REGION_UNKNOWN_REGION_H_
#define FLOTILLA_STORE_REGION_UNKNOWN_REGION_H_

#include <deque>
#include <vector>

#include "common/env/clock.h"
#include "common/net/envelope.h"
#include "store/region/message_context.h"
#include "store/region/region_storage.h"

namespace flotilla::store {

enum class UnknownRegionAction {
  kDrop,
  kKeepVote,     // The range is another region's: a split is probably about to make the region.
  kCreatePeer,   // It waits for a snapshot, or for the log from its beginning.
  kTellRemoved,  // The sender was removed from the region.
  // Our peer was removed, the sender is still a member and does not know it: it needs our vote
  // until it hears that the removal is committed.
  kTellCommitted,
};

// `tombstone` is null unless a peer of the region was removed from this store; `range_taken` tells
// whether the hinted range overlaps a region here.
UnknownRegionAction DecideUnknown(const net::Envelope& envelope, const MessageContext& context,
                                  const RegionState* tombstone, bool range_taken);

// Requests for votes that wait for a split. Bounded in number and in age; what does not fit is
// forgotten, oldest first: the candidate asks again after its timeout.
//
// Not thread-safe.
class PendingVotes {
 public:
  static constexpr size_t kMaxVotes = 1024;
  static constexpr env::Duration kMaxAge = std::chrono::seconds(2);

  void Keep(net::Envelope envelope, env::Instant now);
  // Those for the region that are still of use.
  std::vector<net::Envelope> Take(RegionId region_id, env::Instant now);

 private:
  struct Vote {
    env::Instant at;
    net::Envelope envelope;
  };
  std::deque<Vote> votes_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_UNKNOWN_REGION_H_
