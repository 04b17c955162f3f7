// A region as its metadata tells it, and all checks of requests against it: the one place that
// knows when a request is stale or misdirected.
//
// Thread-safe: constant.
#ifndef FLOTILLA_STORE_REGION_REGION_H_
#define FLOTILLA_STORE_REGION_REGION_H_

#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/base/ids.h"
#include "common/base/key_range.h"
#include "common/net/envelope.h"
#include "common/raft/types.h"
#include "tikv/metapb.pb.h"

namespace flotilla::store {

class Region {
 public:
  explicit Region(metapb::Region meta);

  RegionId id() const { return RegionId(meta_.id()); }
  const metapb::Region& meta() const { return meta_; }
  // Of engine keys (kv/key_codec.h): the data's range in every column family.
  const KeyRange& range() const { return range_; }
  net::Epoch epoch() const {
    return {meta_.region_epoch().conf_ver(), meta_.region_epoch().version()};
  }
  uint64_t version() const { return meta_.region_epoch().version(); }

  // Null when there is none.
  const metapb::Peer* FindPeer(PeerId peer) const;
  const metapb::Peer* FindPeerOn(StoreId store) const;
  // Some peer is in both halves' dispute: a change of several members is under way.
  bool InJointState() const;
  // The Raft configuration that the peers' roles describe. Joint states are always left by
  // themselves.
  raft::ConfState conf_state() const;

  // EpochNotMatch when `version`, which a data request saw, is not the present one. Requests for
  // data do not look at conf_ver: who the members are does not change what a key holds.
  absl::Status CheckVersion(uint64_t version) const;
  // EpochNotMatch when either number differs: for changes of the region itself.
  absl::Status CheckEpoch(net::Epoch epoch) const;
  // KeyNotInRegion. `engine_key` is in the engine's form.
  absl::Status CheckKey(std::string_view engine_key) const {
    if (range_.Contains(engine_key)) [[likely]]
      return absl::OkStatus();
    return KeyOutside(engine_key);
  }
  // KeyNotInRegion unless `range` lies within the region.
  absl::Status CheckRange(const KeyRange& range) const;
  // The part of `range` that lies in the region; it may be empty.
  KeyRange Clip(const KeyRange& range) const;

 private:
  absl::Status KeyOutside(std::string_view engine_key) const;

  metapb::Region meta_;
  KeyRange range_;
};

bool IsVoter(const metapb::Peer& peer);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_REGION_H_
