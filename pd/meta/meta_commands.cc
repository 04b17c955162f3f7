#include "pd/meta/meta_commands.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/coding.h"
#include "common/base/planted_bugs.h"
#include "common/base/status_macros.h"
#include "pd/gc/gc_rules.h"
#include "pd/keyspace/keyspace_rules.h"
#include "pd/meta/meta_keys.h"
#include "pd/meta/store_memory.h"

namespace flotilla::pd {
namespace {

constexpr engine::ColumnFamily kMeta = engine::ColumnFamily::kMeta;

// A state that cannot be read cannot be changed either: the process stops.
template <typename T>
T MustRead(absl::StatusOr<T> value) {
  CHECK_OK(value.status());
  return *std::move(value);
}

}  // namespace

absl::StatusOr<meta::v1::Result> MetaCommands::Run(const meta::v1::Command& command) {
  switch (command.body_case()) {
    case meta::v1::Command::kInitCluster:
      return Do(command.init_cluster());
    case meta::v1::Command::kReserveIds:
      return Do(command.reserve_ids());
    case meta::v1::Command::kSaveTsoLimit:
      return Do(command.save_tso_limit());
    case meta::v1::Command::kBootstrap:
      return Do(command.bootstrap());
    case meta::v1::Command::kPutStore:
      return Do(command.put_store());
    case meta::v1::Command::kUpdateRegions:
      return Do(command.update_regions());
    case meta::v1::Command::kCreateKeyspace:
      return Do(command.create_keyspace());
    case meta::v1::Command::kUpdateKeyspaceState:
      return Do(command.update_keyspace_state());
    case meta::v1::Command::kAdvanceTxnSafePoint:
      return Do(command.advance_txn_safe_point());
    case meta::v1::Command::kAdvanceGcSafePoint:
      return Do(command.advance_gc_safe_point());
    case meta::v1::Command::kSetGcBarrier:
      return Do(command.set_gc_barrier());
    case meta::v1::Command::kDeleteGcBarrier:
      return Do(command.delete_gc_barrier());
    case meta::v1::Command::kPutEtcd:
      return Do(command.put_etcd());
    case meta::v1::Command::kDeclareLost:
      return Do(command.declare_lost());
    case meta::v1::Command::kBuryStore:
      return Do(command.bury_store());
    case meta::v1::Command::kRecordFinding:
      return Do(command.record_finding());
    case meta::v1::Command::kRegisterStore:
      return Do(command.register_store());
    case meta::v1::Command::kSaveStorePosition:
      return Do(command.save_store_position());
    case meta::v1::Command::BODY_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("metadata command without a known body");
}

void MetaCommands::Put(std::string_view key, const google::protobuf::MessageLite& message) {
  batch_->Put(kMeta, key, message.SerializeAsString());
}

meta::v1::ClusterMeta MetaCommands::Cluster() const { return MustRead(reader_->Cluster()); }

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::InitCluster& command) {
  meta::v1::ClusterMeta cluster = Cluster();
  meta::v1::Result result;
  if (cluster.cluster_id() == 0) {
    if (command.cluster_id() == 0) return absl::InvalidArgumentError("cluster id 0");
    cluster.set_cluster_id(command.cluster_id());
    cluster.set_created_at_ms(now_ms_);
    cluster.set_next_id(1);
    cluster.set_next_keyspace_id(1);
    Put(kClusterKey, cluster);
    AddKeyspace(0, kDefaultKeyspaceName);
  }
  result.set_cluster_id(cluster.cluster_id());
  return result;
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::ReserveIds& command) {
  meta::v1::ClusterMeta cluster = Cluster();
  meta::v1::Result result;
  result.set_first_id(cluster.next_id());
  cluster.set_next_id(cluster.next_id() + command.count() - (Planted(Bug::kIdsTwice) ? 1 : 0));
  Put(kClusterKey, cluster);
  return result;
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::SaveTsoLimit& command) {
  meta::v1::ClusterMeta cluster = Cluster();
  if (command.limit_ms() > cluster.tso_limit_ms()) {
    cluster.set_tso_limit_ms(command.limit_ms());
    Put(kClusterKey, cluster);
  }
  return meta::v1::Result();
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::Bootstrap& command) {
  meta::v1::ClusterMeta cluster = Cluster();
  if (cluster.bootstrapped()) return absl::AlreadyExistsError("cluster is already bootstrapped");
  cluster.set_bootstrapped(true);
  Put(kClusterKey, cluster);
  Put(StoreKey(command.store().id()), command.store());
  Put(RegionKey(command.region().id()), command.region());
  return meta::v1::Result();
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::PutStore& command) {
  RETURN_IF_ERROR(Register(command.store()));
  return meta::v1::Result();
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::RegisterStore& command) {
  const uint64_t id = command.store().id();
  const registry::v1::StoreMemory memory = MustRead(reader_->StoreMemory(id));
  const std::optional<registry::v1::StoreMemory> after = AfterStart(memory, command);
  if (after.has_value()) {
    RETURN_IF_ERROR(Register(command.store()));
    Put(StoreMemoryKey(id), *after);
  }
  meta::v1::Result result;
  result.mutable_register_store()->set_accepted(after.has_value());
  *result.mutable_register_store()->mutable_memory() = after.value_or(memory);
  return result;
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::SaveStorePosition& command) {
  registry::v1::StoreMemory memory = MustRead(reader_->StoreMemory(command.store_id()));
  if (memory.generation() == command.generation() && memory.position() < command.position()) {
    memory.set_position(command.position());
    Put(StoreMemoryKey(command.store_id()), memory);
  }
  return meta::v1::Result();
}

absl::Status MetaCommands::Register(metapb::Store store) {
  const std::optional<metapb::Store> former = MustRead(reader_->Store(store.id()));
  if (former.has_value() && former->physically_destroyed()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "store ", store.id(),
        " was declared lost and may not come back: start a new store with an empty directory"));
  }
  const std::vector<metapb::Store> stores = MustRead(reader_->Stores());
  const metapb::Store* known = nullptr;
  for (const metapb::Store& other : stores) {
    if (other.id() == store.id()) {
      known = &other;
    } else if (other.state() != metapb::Tombstone && !other.physically_destroyed() &&
               other.address() == store.address()) {
      return absl::AlreadyExistsError(absl::StrCat("duplicated store address: store ", store.id(),
                                                   " address ", store.address(),
                                                   ", already registered by store ", other.id()));
    }
  }
  if (known != nullptr && known->state() == metapb::Tombstone) {
    return absl::FailedPreconditionError(absl::StrCat("store ", store.id(), " is tombstone"));
  }
  if (known == nullptr && stores.size() >= kMaxStores) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", kMaxStores, " stores"));
  }
  // Registering again does not bring a store back that is being removed.
  store.set_state(known == nullptr ? metapb::Up : known->state());
  store.set_node_state(known == nullptr ? metapb::Serving : known->node_state());
  Put(StoreKey(store.id()), store);
  return absl::OkStatus();
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::UpdateRegions& command) {
  for (const uint64_t id : command.removed()) batch_->Delete(kMeta, RegionKey(id));
  for (const metapb::Region& region : command.put()) {
    const std::optional<metapb::Region> stored = MustRead(reader_->Region(region.id()));
    if (stored.has_value() &&
        (stored->region_epoch().version() > region.region_epoch().version() ||
         stored->region_epoch().conf_ver() > region.region_epoch().conf_ver())) {
      continue;
    }
    Put(RegionKey(region.id()), region);
  }
  return meta::v1::Result();
}

keyspacepb::KeyspaceMeta MetaCommands::AddKeyspace(uint32_t id, std::string_view name) {
  keyspacepb::KeyspaceMeta keyspace;
  keyspace.set_id(id);
  keyspace.set_name(std::string(name));
  keyspace.set_state(keyspacepb::ENABLED);
  keyspace.set_created_at(now_ms_ / 1000);
  keyspace.set_state_changed_at(now_ms_ / 1000);
  Put(KeyspaceKey(id), keyspace);
  std::string encoded_id;
  PutBigEndian32(encoded_id, id);
  batch_->Put(kMeta, KeyspaceNameKey(name), encoded_id);
  return keyspace;
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::CreateKeyspace& command) {
  RETURN_IF_ERROR(CheckKeyspaceName(command.name()));
  if (MustRead(reader_->KeyspaceByName(command.name())).has_value()) {
    return absl::AlreadyExistsError(
        absl::StrCat("keyspace \"", command.name(), "\" exists already"));
  }
  meta::v1::ClusterMeta cluster = Cluster();
  const uint32_t id = cluster.next_keyspace_id();
  if (id == 0) return absl::FailedPreconditionError("the cluster has no id yet");
  if (id > kMaxKeyspaceId) {
    return absl::ResourceExhaustedError(absl::StrCat("all ", kMaxKeyspaceId, " keyspaces exist"));
  }
  cluster.set_next_keyspace_id(id + 1);
  Put(kClusterKey, cluster);
  keyspacepb::KeyspaceMeta keyspace = AddKeyspace(id, command.name());
  *keyspace.mutable_config() = command.config();
  Put(KeyspaceKey(id), keyspace);
  meta::v1::Result result;
  *result.mutable_keyspace() = std::move(keyspace);
  return result;
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::UpdateKeyspaceState& command) {
  std::optional<keyspacepb::KeyspaceMeta> keyspace = MustRead(reader_->Keyspace(command.id()));
  if (!keyspace.has_value()) {
    return absl::NotFoundError(absl::StrCat("keyspace ", command.id(), " does not exist"));
  }
  if (command.id() == 0) {
    return absl::InvalidArgumentError("the state of the default keyspace cannot be changed");
  }
  // Enabled and disabled may alternate; archived and tombstone are further steps without return.
  const bool back =
      keyspace->state() >= keyspacepb::ARCHIVED && command.state() < keyspace->state();
  const bool skips =
      command.state() == keyspacepb::TOMBSTONE && keyspace->state() < keyspacepb::ARCHIVED;
  const bool archives_enabled =
      command.state() == keyspacepb::ARCHIVED && keyspace->state() == keyspacepb::ENABLED;
  if (back || skips || archives_enabled) {
    return absl::FailedPreconditionError(
        absl::StrCat("keyspace ", command.id(), " cannot go from ",
                     keyspacepb::KeyspaceState_Name(keyspace->state()), " to ",
                     keyspacepb::KeyspaceState_Name(command.state())));
  }
  if (keyspace->state() != command.state()) {
    keyspace->set_state(command.state());
    keyspace->set_state_changed_at(now_ms_ / 1000);
    Put(KeyspaceKey(command.id()), *keyspace);
  }
  meta::v1::Result result;
  *result.mutable_keyspace() = *std::move(keyspace);
  return result;
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::AdvanceTxnSafePoint& command) {
  meta::v1::GcState state = MustRead(reader_->Gc());
  meta::v1::Result result;
  ASSIGN_OR_RETURN(
      *result.mutable_safe_point(),
      pd::AdvanceTxnSafePoint(state, MustRead(reader_->Barriers()), command.target(), now_ms_));
  Put(kGcStateKey, state);
  return result;
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::AdvanceGcSafePoint& command) {
  meta::v1::GcState state = MustRead(reader_->Gc());
  meta::v1::Result result;
  if (command.with_txn_safe_point()) {
    *result.mutable_safe_point() =
        AdvanceBothSafePoints(state, MustRead(reader_->Barriers()), command.target(), now_ms_);
  } else {
    ASSIGN_OR_RETURN(*result.mutable_safe_point(), pd::AdvanceGcSafePoint(state, command.target()));
  }
  Put(kGcStateKey, state);
  return result;
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::SetGcBarrier& command) {
  const meta::v1::GcBarrier& barrier = command.barrier();
  RETURN_IF_ERROR(CheckBarrier(MustRead(reader_->Gc()), barrier));
  bool known = false;
  size_t standing = 0;
  for (const meta::v1::GcBarrier& other : MustRead(reader_->Barriers())) {
    if (other.barrier_id() == barrier.barrier_id()) {
      known = true;
    } else if (IsBarrierExpired(other, now_ms_)) {
      batch_->Delete(kMeta, BarrierKey(other.barrier_id()));
    } else {
      ++standing;
    }
  }
  if (!known && standing >= kMaxGcBarriers) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", kMaxGcBarriers, " GC barriers"));
  }
  Put(BarrierKey(barrier.barrier_id()), barrier);
  meta::v1::Result result;
  *result.mutable_barrier() = barrier;
  return result;
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::DeleteGcBarrier& command) {
  meta::v1::Result result;
  for (const meta::v1::GcBarrier& barrier : MustRead(reader_->Barriers())) {
    if (barrier.barrier_id() != command.barrier_id()) continue;
    batch_->Delete(kMeta, BarrierKey(command.barrier_id()));
    if (!IsBarrierExpired(barrier, now_ms_)) *result.mutable_barrier() = barrier;
  }
  return result;
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::PutEtcd& command) {
  if (command.key().empty() || command.key().size() > kMaxEtcdKeyBytes ||
      command.value().size() > kMaxEtcdValueBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "etcd key of ", command.key().size(), " and value of ", command.value().size(),
        " bytes, should be 1 to ", kMaxEtcdKeyBytes, " and at most ", kMaxEtcdValueBytes));
  }
  if (FromAbsl(command.key()) == kEtcdSafePointKey) {
    uint64_t target = 0;
    if (!absl::SimpleAtoi(command.value(), &target)) {
      return absl::InvalidArgumentError(
          absl::StrCat("safe point \"", command.value(), "\" is not a number"));
    }
    meta::v1::GcState state = MustRead(reader_->Gc());
    RETURN_IF_ERROR(
        pd::AdvanceTxnSafePoint(state, MustRead(reader_->Barriers()), target, now_ms_).status());
    Put(kGcStateKey, state);
  }
  meta::v1::ClusterMeta cluster = Cluster();
  std::optional<mvccpb::KeyValue> value = MustRead(reader_->Etcd(command.key()));
  if (!value.has_value() && MustRead(reader_->EtcdRange("", "")).size() >= kMaxEtcdKeys) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", kMaxEtcdKeys, " etcd keys"));
  }
  const int64_t revision = cluster.etcd_revision() + 1;
  cluster.set_etcd_revision(revision);
  Put(kClusterKey, cluster);
  if (!value.has_value()) {
    value.emplace();
    value->set_key(command.key());
    value->set_create_revision(revision);
  }
  value->set_value(command.value());
  value->set_mod_revision(revision);
  value->set_version(value->version() + 1);
  Put(EtcdKey(command.key()), *value);
  meta::v1::Result result;
  result.set_etcd_revision(revision);
  return result;
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::DeclareLost& command) {
  std::optional<metapb::Store> store = MustRead(reader_->Store(command.store_id()));
  if (!store.has_value()) {
    return absl::NotFoundError(absl::StrCat("store ", command.store_id(), " does not exist"));
  }
  if (store->state() != metapb::Tombstone) {
    store->set_state(metapb::Offline);
    store->set_node_state(metapb::Removing);
  }
  store->set_physically_destroyed(true);
  Put(StoreKey(store->id()), *store);
  return meta::v1::Result();
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::BuryStore& command) {
  std::optional<metapb::Store> store = MustRead(reader_->Store(command.store_id()));
  if (!store.has_value() || !store->physically_destroyed()) {
    return absl::FailedPreconditionError(
        absl::StrCat("store ", command.store_id(), " was not declared lost"));
  }
  for (const metapb::Region& region : MustRead(reader_->Regions())) {
    for (const metapb::Peer& peer : region.peers()) {
      if (peer.store_id() != store->id()) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("region ", region.id(), " has a peer on store ", store->id()));
    }
  }
  store->set_state(metapb::Tombstone);
  store->set_node_state(metapb::Removed);
  Put(StoreKey(store->id()), *store);
  return meta::v1::Result();
}

MetaCommands::ResultOr MetaCommands::Do(const meta::v1::RecordFinding& command) {
  const meta::v1::Finding& finding = command.finding();
  if (finding.differing().empty()) {
    batch_->Delete(kMeta, FindingKey(finding.region_id()));
  } else {
    Put(FindingKey(finding.region_id()), finding);
  }
  return meta::v1::Result();
}

}  // namespace flotilla::pd
