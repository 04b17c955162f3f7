// A Raft message with what the other store needs to deliver it.
#ifndef FLOTILLA_COMMON_NET_ENVELOPE_H_
#define FLOTILLA_COMMON_NET_ENVELOPE_H_

#include <cstdint>

#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/raft/message.h"

namespace flotilla::net {

// The region's epoch as its sender knows it (public protocol metapb.RegionEpoch): conf_ver counts
// changes of peers, version counts splits and merges.
struct Epoch {
  uint64_t conf_ver = 0;
  uint64_t version = 0;
  bool operator==(const Epoch&) const = default;
};

struct Envelope {
  RegionId region_id;
  StoreId from_store;
  StoreId to_store;
  Epoch epoch;
  // The tenant's own hint, such as the range of a region that the receiver may have to create.
  Bytes context;
  // The sender's disk has no room for more data.
  bool disk_full = false;
  raft::Message message;
};

}  // namespace flotilla::net

#endif  // FLOTILLA_COMMON_NET_ENVELOPE_H_
