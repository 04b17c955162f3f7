#include "pd/meta/meta_reader.h"

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/coding.h"
#include "common/base/status_macros.h"
#include "pd/meta/meta_keys.h"

namespace flotilla::pd {
namespace {

constexpr engine::ColumnFamily kMeta = engine::ColumnFamily::kMeta;

absl::Status Unreadable(std::string_view key) {
  return absl::DataLossError(
      absl::StrCat("stored metadata \"", absl::CHexEscape(ToAbsl(key)), "\" cannot be read"));
}

}  // namespace

engine::ReadOptions MetaReader::Options() const {
  engine::ReadOptions options;
  options.snapshot = snapshot_;
  return options;
}

template <typename Message>
absl::StatusOr<std::optional<Message>> MetaReader::Load(std::string_view key) const {
  ASSIGN_OR_RETURN(const std::optional<std::string> value, engine_->Get(kMeta, key, Options()));
  if (!value.has_value()) return std::optional<Message>();
  std::optional<Message> message(std::in_place);
  if (!message->ParseFromString(*value)) return Unreadable(key);
  return message;
}

absl::Status MetaReader::Visit(
    const KeyRange& range,
    absl::FunctionRef<bool(std::string_view, std::string_view)> visit) const {
  engine::ReadOptions options = Options();
  options.bounds = range;
  const auto it = engine_->NewIterator(kMeta, options);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    if (!visit(it->key(), it->value())) return absl::OkStatus();
  }
  return it->status();
}

template <typename Message>
absl::StatusOr<std::vector<Message>> MetaReader::LoadAll(const KeyRange& range,
                                                         size_t limit) const {
  std::vector<Message> all;
  absl::Status unreadable;
  RETURN_IF_ERROR(Visit(range, [&](std::string_view key, std::string_view value) {
    Message message;
    if (!message.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      unreadable = Unreadable(key);
      return false;
    }
    all.push_back(std::move(message));
    return limit == 0 || all.size() < limit;
  }));
  RETURN_IF_ERROR(unreadable);
  return all;
}

absl::StatusOr<std::optional<meta::v1::AppliedState>> MetaReader::Applied() const {
  return Load<meta::v1::AppliedState>(kAppliedKey);
}

absl::StatusOr<std::optional<meta::v1::AppliedState>> MetaReader::FlushedApplied() const {
  ASSIGN_OR_RETURN(const std::optional<std::string> value, engine_->GetFlushed(kMeta, kAppliedKey));
  if (!value.has_value()) return std::optional<meta::v1::AppliedState>();
  std::optional<meta::v1::AppliedState> state(std::in_place);
  if (!state->ParseFromString(*value)) return Unreadable(kAppliedKey);
  return state;
}

absl::StatusOr<meta::v1::ClusterMeta> MetaReader::Cluster() const {
  ASSIGN_OR_RETURN(auto cluster, Load<meta::v1::ClusterMeta>(kClusterKey));
  return std::move(cluster).value_or(meta::v1::ClusterMeta());
}

absl::StatusOr<std::optional<metapb::Store>> MetaReader::Store(uint64_t id) const {
  return Load<metapb::Store>(StoreKey(id));
}

absl::StatusOr<std::vector<metapb::Store>> MetaReader::Stores() const {
  return LoadAll<metapb::Store>(PrefixRange(kStorePrefix));
}

absl::StatusOr<registry::v1::StoreMemory> MetaReader::StoreMemory(uint64_t store_id) const {
  ASSIGN_OR_RETURN(auto memory, Load<registry::v1::StoreMemory>(StoreMemoryKey(store_id)));
  return std::move(memory).value_or(registry::v1::StoreMemory());
}

absl::StatusOr<std::optional<metapb::Region>> MetaReader::Region(uint64_t id) const {
  return Load<metapb::Region>(RegionKey(id));
}

absl::StatusOr<std::vector<metapb::Region>> MetaReader::Regions() const {
  return LoadAll<metapb::Region>(PrefixRange(kRegionPrefix));
}

absl::StatusOr<std::optional<meta::v1::Finding>> MetaReader::Finding(uint64_t region_id) const {
  return Load<meta::v1::Finding>(FindingKey(region_id));
}

absl::StatusOr<std::vector<meta::v1::Finding>> MetaReader::Findings() const {
  return LoadAll<meta::v1::Finding>(PrefixRange(kFindingPrefix));
}

absl::StatusOr<std::optional<keyspacepb::KeyspaceMeta>> MetaReader::Keyspace(uint32_t id) const {
  return Load<keyspacepb::KeyspaceMeta>(KeyspaceKey(id));
}

absl::StatusOr<std::optional<keyspacepb::KeyspaceMeta>> MetaReader::KeyspaceByName(
    std::string_view name) const {
  const std::string key = KeyspaceNameKey(name);
  ASSIGN_OR_RETURN(const std::optional<std::string> value, engine_->Get(kMeta, key, Options()));
  if (!value.has_value()) return std::optional<keyspacepb::KeyspaceMeta>();
  std::string_view rest = *value;
  uint32_t id = 0;
  if (!GetBigEndian32(rest, id)) return Unreadable(key);
  return Keyspace(id);
}

absl::StatusOr<std::vector<keyspacepb::KeyspaceMeta>> MetaReader::Keyspaces(uint32_t first,
                                                                            size_t limit) const {
  KeyRange range = PrefixRange(kKeyspacePrefix);
  range.start = KeyspaceKey(first);
  return LoadAll<keyspacepb::KeyspaceMeta>(range, limit);
}

absl::StatusOr<meta::v1::GcState> MetaReader::Gc() const {
  ASSIGN_OR_RETURN(auto state, Load<meta::v1::GcState>(kGcStateKey));
  return std::move(state).value_or(meta::v1::GcState());
}

absl::StatusOr<std::vector<meta::v1::GcBarrier>> MetaReader::Barriers() const {
  return LoadAll<meta::v1::GcBarrier>(PrefixRange(kBarrierPrefix));
}

absl::StatusOr<std::optional<mvccpb::KeyValue>> MetaReader::Etcd(std::string_view key) const {
  return Load<mvccpb::KeyValue>(EtcdKey(key));
}

absl::StatusOr<std::vector<mvccpb::KeyValue>> MetaReader::EtcdRange(std::string_view first,
                                                                    std::string_view last) const {
  KeyRange range = PrefixRange(kEtcdPrefix);
  range.start = EtcdKey(first);
  if (!last.empty()) range.end = EtcdKey(last);
  if (range.IsEmpty()) return std::vector<mvccpb::KeyValue>();
  return LoadAll<mvccpb::KeyValue>(range);
}

absl::StatusOr<meta::v1::Snapshot> MetaReader::Dump() const {
  meta::v1::Snapshot dump;
  RETURN_IF_ERROR(
      Visit(PrefixRange(kStatePrefix), [&](std::string_view key, std::string_view value) {
        auto* pair = dump.add_pairs();
        pair->set_key(key.data(), key.size());
        pair->set_value(value.data(), value.size());
        return true;
      }));
  return dump;
}

}  // namespace flotilla::pd
