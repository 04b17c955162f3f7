// Where PD's replicated state lies in the data engine's kMeta column family. The snapshot is
// everything under kStatePrefix.
#ifndef FLOTILLA_PD_META_META_KEYS_H_
#define FLOTILLA_PD_META_META_KEYS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/ids.h"
#include "common/base/key_range.h"

namespace flotilla::pd {

// Applied position; not part of the snapshot, which carries its own.
inline constexpr std::string_view kAppliedKey = "applied";

inline constexpr std::string_view kStatePrefix = "m/";
inline constexpr std::string_view kClusterKey = "m/cluster";
inline constexpr std::string_view kGcStateKey = "m/gc";
inline constexpr std::string_view kStorePrefix = "m/store/";
inline constexpr std::string_view kStoreMemoryPrefix = "m/store_memory/";
inline constexpr std::string_view kRegionPrefix = "m/region/";
inline constexpr std::string_view kKeyspacePrefix = "m/keyspace/";
inline constexpr std::string_view kKeyspaceNamePrefix = "m/keyspace_name/";
inline constexpr std::string_view kBarrierPrefix = "m/barrier/";
inline constexpr std::string_view kFindingPrefix = "m/finding/";
inline constexpr std::string_view kEtcdPrefix = "m/etcd/";

std::string StoreKey(uint64_t id);
std::string StoreMemoryKey(uint64_t store_id);
std::string RegionKey(uint64_t id);
std::string FindingKey(uint64_t region_id);
std::string KeyspaceKey(uint32_t id);
std::string KeyspaceNameKey(std::string_view name);
std::string BarrierKey(std::string_view id);
std::string EtcdKey(std::string_view key);

// All keys with that prefix.
KeyRange PrefixRange(std::string_view prefix);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_META_META_KEYS_H_
