// A peer's place: which region, on which store.
#ifndef FLOTILLA_STORE_REGION_PEER_IDENTITY_H_
#define FLOTILLA_STORE_REGION_PEER_IDENTITY_H_

#include "common/base/ids.h"

namespace flotilla::store {

struct PeerIdentity {
  RegionId region_id;
  PeerId peer_id;
  StoreId store_id;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_PEER_IDENTITY_H_
