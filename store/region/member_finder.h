// Finds who the members of a region are now, for a peer whom nobody it knows answers: PD tells, and
// each of them is asked whether the peer is still one (MembershipQuestion). PD's own word destroys
// nothing: it may be of a leader that has not made its change of members durable.
//
// Thread-safe; never blocks.
#ifndef FLOTILLA_STORE_REGION_MEMBER_FINDER_H_
#define FLOTILLA_STORE_REGION_MEMBER_FINDER_H_

#include <atomic>

#include "common/metrics/registry.h"
#include "common/net/envelope.h"
#include "common/net/transport.h"
#include "common/pdclient/pd_client.h"
#include "store/region/peer_identity.h"

namespace flotilla::store {

// From `self` to a peer of its region on another store.
net::Envelope AskWhetherMember(const PeerIdentity& self, PeerId peer, StoreId store);

class MemberFinder {
 public:
  // So many regions at once; a peer that comes in addition asks again later
  // (leader_missing_timeout).
  static constexpr int kMaxUnderWay = 64;

  // All must outlive the finder and what it has under way.
  MemberFinder(pdclient::PdClient* pd, net::Transport* transport, metrics::Registry* metrics);

  void Ask(const PeerIdentity& self);

 private:
  pdclient::PdClient* const pd_;
  net::Transport* const transport_;
  metrics::Counter& asked_;
  metrics::Counter& refused_;
  std::atomic<int> under_way_{0};
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_MEMBER_FINDER_H_
