#include "pd/meta/meta_keys.h"

#include "common/base/coding.h"

namespace flotilla::pd {
namespace {

std::string Join(std::string_view prefix, std::string_view rest) {
  std::string key(prefix);
  key.append(rest);
  return key;
}

}  // namespace

std::string StoreKey(uint64_t id) {
  std::string key(kStorePrefix);
  PutBigEndian64(key, id);
  return key;
}

std::string StoreMemoryKey(uint64_t store_id) {
  std::string key(kStoreMemoryPrefix);
  PutBigEndian64(key, store_id);
  return key;
}

std::string RegionKey(uint64_t id) {
  std::string key(kRegionPrefix);
  PutBigEndian64(key, id);
  return key;
}

std::string FindingKey(uint64_t region_id) {
  std::string key(kFindingPrefix);
  PutBigEndian64(key, region_id);
  return key;
}

std::string KeyspaceKey(uint32_t id) {
  std::string key(kKeyspacePrefix);
  PutBigEndian32(key, id);
  return key;
}

std::string KeyspaceNameKey(std::string_view name) { return Join(kKeyspaceNamePrefix, name); }
std::string BarrierKey(std::string_view id) { return Join(kBarrierPrefix, id); }
std::string EtcdKey(std::string_view key) { return Join(kEtcdPrefix, key); }

KeyRange PrefixRange(std::string_view prefix) {
  KeyRange range{std::string(prefix), std::string(prefix)};
  // No prefix ends with the largest byte.
  range.end.back() = static_cast<char>(range.end.back() + 1);
  return range;
}

}  // namespace flotilla::pd
