// What each replicated command does to the stored state.
//
// Pure: of the stored state and the command alone, so that every member and every replay comes to
// the same. A refusal is a status and changes nothing.
//
// Thread: the apply worker.
#ifndef FLOTILLA_PD_META_META_COMMANDS_H_
#define FLOTILLA_PD_META_META_COMMANDS_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "common/engine/kv_engine.h"
#include "flotilla/pd_meta.pb.h"
#include "google/protobuf/message_lite.h"
#include "pd/meta/meta_reader.h"

namespace flotilla::pd {

// Limits of the etcd slice, which is there for clients that keep a few small facts.
inline constexpr size_t kMaxEtcdKeyBytes = 1024;
inline constexpr size_t kMaxEtcdValueBytes = 64 << 10;
inline constexpr size_t kMaxEtcdKeys = 1000;
inline constexpr size_t kMaxStores = 4096;

// The key under which older clients keep the transaction safe point, as a decimal number.
inline constexpr std::string_view kEtcdSafePointKey = "/tidb/store/gcworker/saved_safe_point";

class MetaCommands {
 public:
  // Everything that was applied before must be visible to `reader`; writes go to `batch`.
  MetaCommands(const MetaReader* reader, engine::WriteBatch* batch, int64_t now_ms)
      : reader_(reader), batch_(batch), now_ms_(now_ms) {}

  // Errors of the engine stop the process; any other error is the refusal.
  absl::StatusOr<meta::v1::Result> Run(const meta::v1::Command& command);

 private:
  using ResultOr = absl::StatusOr<meta::v1::Result>;

  ResultOr Do(const meta::v1::InitCluster& command);
  ResultOr Do(const meta::v1::ReserveIds& command);
  ResultOr Do(const meta::v1::SaveTsoLimit& command);
  ResultOr Do(const meta::v1::Bootstrap& command);
  ResultOr Do(const meta::v1::PutStore& command);
  ResultOr Do(const meta::v1::UpdateRegions& command);
  ResultOr Do(const meta::v1::CreateKeyspace& command);
  ResultOr Do(const meta::v1::UpdateKeyspaceState& command);
  ResultOr Do(const meta::v1::AdvanceTxnSafePoint& command);
  ResultOr Do(const meta::v1::AdvanceGcSafePoint& command);
  ResultOr Do(const meta::v1::SetGcBarrier& command);
  ResultOr Do(const meta::v1::DeleteGcBarrier& command);
  ResultOr Do(const meta::v1::PutEtcd& command);
  ResultOr Do(const meta::v1::DeclareLost& command);
  ResultOr Do(const meta::v1::BuryStore& command);
  ResultOr Do(const meta::v1::RecordFinding& command);
  ResultOr Do(const meta::v1::RegisterStore& command);
  ResultOr Do(const meta::v1::SaveStorePosition& command);

  // Writes what the store registers, unless its address is another one's or it was removed.
  absl::Status Register(metapb::Store store);

  keyspacepb::KeyspaceMeta AddKeyspace(uint32_t id, std::string_view name);
  void Put(std::string_view key, const google::protobuf::MessageLite& message);
  meta::v1::ClusterMeta Cluster() const;

  const MetaReader* const reader_;
  engine::WriteBatch* const batch_;
  const int64_t now_ms_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_META_META_COMMANDS_H_
