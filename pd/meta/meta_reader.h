// Reads PD's replicated state from the data engine: as this member has applied it.
//
// Thread-safe. An error is the engine's, or DataLoss when what is stored cannot be read; both mean
// that the process cannot trust its disk.
#ifndef FLOTILLA_PD_META_META_READER_H_
#define FLOTILLA_PD_META_META_READER_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "common/engine/kv_engine.h"
#include "etcd/mvccpb.pb.h"
#include "flotilla/pd_meta.pb.h"
#include "tikv/keyspacepb.pb.h"
#include "tikv/metapb.pb.h"

namespace flotilla::pd {

class MetaReader {
 public:
  // Null snapshot: the latest state. Both must outlive the reader.
  explicit MetaReader(const engine::KvEngine* engine, const engine::Snapshot* snapshot = nullptr)
      : engine_(engine), snapshot_(snapshot) {}

  // nullopt: nothing was ever applied.
  absl::StatusOr<std::optional<meta::v1::AppliedState>> Applied() const;
  // What a crash right now would leave of it.
  absl::StatusOr<std::optional<meta::v1::AppliedState>> FlushedApplied() const;

  // All zero before the first command.
  absl::StatusOr<meta::v1::ClusterMeta> Cluster() const;
  absl::StatusOr<std::optional<metapb::Store>> Store(uint64_t id) const;
  absl::StatusOr<std::vector<metapb::Store>> Stores() const;
  // All zero for a store that never registered with what its data remember.
  absl::StatusOr<registry::v1::StoreMemory> StoreMemory(uint64_t store_id) const;
  absl::StatusOr<std::optional<metapb::Region>> Region(uint64_t id) const;
  absl::StatusOr<std::vector<metapb::Region>> Regions() const;
  // By region; of some, peers that are no members any more.
  absl::StatusOr<std::optional<meta::v1::Finding>> Finding(uint64_t region_id) const;
  absl::StatusOr<std::vector<meta::v1::Finding>> Findings() const;
  absl::StatusOr<std::optional<keyspacepb::KeyspaceMeta>> Keyspace(uint32_t id) const;
  absl::StatusOr<std::optional<keyspacepb::KeyspaceMeta>> KeyspaceByName(
      std::string_view name) const;
  // In the order of ids, from `first` on, at most `limit` (0: all).
  absl::StatusOr<std::vector<keyspacepb::KeyspaceMeta>> Keyspaces(uint32_t first,
                                                                  size_t limit) const;
  absl::StatusOr<meta::v1::GcState> Gc() const;
  absl::StatusOr<std::vector<meta::v1::GcBarrier>> Barriers() const;
  absl::StatusOr<std::optional<mvccpb::KeyValue>> Etcd(std::string_view key) const;
  // Keys in [first, last); an empty `last` is the end of all keys.
  absl::StatusOr<std::vector<mvccpb::KeyValue>> EtcdRange(std::string_view first,
                                                          std::string_view last) const;

  // Everything under kStatePrefix.
  absl::StatusOr<meta::v1::Snapshot> Dump() const;

 private:
  engine::ReadOptions Options() const;
  template <typename Message>
  absl::StatusOr<std::optional<Message>> Load(std::string_view key) const;
  template <typename Message>
  absl::StatusOr<std::vector<Message>> LoadAll(const KeyRange& range, size_t limit = 0) const;
  // Visits until `visit` answers false.
  absl::Status Visit(const KeyRange& range,
                     absl::FunctionRef<bool(std::string_view, std::string_view)> visit) const;

  const engine::KvEngine* const engine_;
  const engine::Snapshot* const snapshot_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_META_META_READER_H_
