// What tools ask of a cluster besides keys and values: members, stores, regions, keyspaces, splits.
//
// Every call waits for its answer: never on a thread of the client's. Thread-safe.
#ifndef FLOTILLA_CLIENT_ADMIN_H_
#define FLOTILLA_CLIENT_ADMIN_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/core.h"
#include "common/pdclient/pd_client.h"

namespace flotilla::client {

class Admin {
 public:
  // `pd` must outlive it.
  explicit Admin(pdclient::PdClient* pd) : pd_(pd) {}

  uint64_t cluster_id() const { return pd_->cluster_id().value(); }
  absl::StatusOr<pdpb::GetMembersResponse> Members();
  // Those that are gone for good are left out.
  absl::StatusOr<std::vector<metapb::Store>> Stores();
  absl::StatusOr<metapb::Store> StoreById(StoreId id);
  // What the store last told PD of itself.
  absl::StatusOr<pdpb::StoreStats> StatsOf(StoreId id);
  // The store is gone for good; returns how many replicas PD makes anew.
  absl::StatusOr<uint64_t> DeclareLost(StoreId id);
  // In key order, all that overlap `range`, which is of region keys (key_codec.h). `limit` 0: all.
  absl::StatusOr<std::vector<pdpb::Region>> Regions(KeyRange range, size_t limit = 0);
  absl::StatusOr<pdpb::Region> RegionById(RegionId id);
  // Regions whose replicas were compared, and those whose replicas differ.
  absl::StatusOr<std::vector<repair::v1::RegionCheck>> Checks();
  // Begins to make the region's replica on that store anew.
  absl::StatusOr<repair::v1::RebuildReplicaResponse> Rebuild(RegionId region, StoreId store);
  absl::StatusOr<std::vector<keyspacepb::KeyspaceMeta>> Keyspaces();
  absl::StatusOr<keyspacepb::KeyspaceMeta> CreateKeyspace(std::string_view name);

 private:
  pdclient::PdClient* const pd_;
};

// What needs to know how the keys of one keyspace are spelt.
class RegionAdmin {
 public:
  // `core` and `pd` must outlive it.
  RegionAdmin(Core* core, pdclient::PdClient* pd) : core_(core), pd_(pd) {}

  const KeyCodec& codec() const { return core_->codec(); }
  absl::StatusOr<pdpb::Region> RegionOf(std::string_view user_key);
  // The user keys strictly within `range` at which regions start, in order, as PD knows them.
  absl::StatusOr<std::vector<std::string>> BordersIn(const KeyRange& range);
  // The region keys between which the user keys of `range` lie.
  KeyRange ToRegionRange(const KeyRange& range) const;
  // Splits the regions that hold these keys such that each key starts one; returns the regions that
  // came out. Keys that start one already are left out.
  absl::StatusOr<std::vector<metapb::Region>> Split(std::vector<std::string> user_keys);

 private:
  absl::StatusOr<std::vector<metapb::Region>> SplitAt(const std::string& request_key);

  Core* const core_;
  pdclient::PdClient* const pd_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_ADMIN_H_
