// What the client does about a refusal: the table of errorpb.Error's arms, and of what an RPC can
// die of, as values. request flow: region_op.h.
#ifndef FLOTILLA_CLIENT_REACTION_H_
#define FLOTILLA_CLIENT_REACTION_H_

#include <vector>

#include "absl/status/status.h"
#include "client/backoff.h"
#include "client/route.h"
#include "tikv/errorpb.pb.h"
#include "tikv/metapb.pb.h"

namespace flotilla::client {

struct Reaction {
  enum class Repair {
    kNone,          // The route stands.
    kSwitchLeader,  // Ask `leader`, or forget the route when it is not one of its peers.
    kNextPeer,      // Ask another peer of the route.
    kReplace,       // Take `regions` in; forget the route when there are none.
    kForget,        // Forget the route.
    kStore,         // Forget the route and the store's address.
  };

  bool retry = true;
  Repair repair = Repair::kNone;
  BackoffKind backoff = BackoffKind::kNone;
  // The least wait that the store asked for.
  env::Duration least_wait = env::Duration::zero();
  PeerRoute leader;
  // Ranges are region keys.
  std::vector<RegionRoute> regions;
  // A write may have taken effect although it was answered with this.
  bool maybe_applied = false;
  // For the metric: the arm's name.
  const char* arm = "";
  // What the caller gets when there is no retry left.
  absl::Status error;
};

// To a region error in a response.
Reaction ReactToRegionError(const errorpb::Error& error);

// To a call that failed as an RPC. REQUIRES: !status.ok().
Reaction ReactToRpcError(const absl::Status& status);

RegionRoute ToRoute(const metapb::Region& region, const metapb::Peer* leader);

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_REACTION_H_
