#include "tests/support/kv_store.h"

#include <set>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"

namespace flotilla::testing {
namespace {

// As a region starts its life: with a position that no entry has.
constexpr raft::EntryId kInitial{Term(5), Index(5)};

}  // namespace

void KvStore::Bootstrap(engine::KvEngine* engine, RegionId region,
                        const std::vector<PeerId>& voters) {
  const KvGroupStorage storage(engine, region);
  auto batch = engine->NewBatch();
  storage.SaveApplied(*batch, kInitial);
  raft::ConfState conf;
  conf.voters = voters;
  storage.SaveConfState(*batch, conf);
  CHECK_OK(engine->Write(*batch));
  CHECK_OK(engine->Flush());
}

KvStore::KvStore(const KvStoreOptions& options) : options_(options) {
  multiraft::HostDependencies dependencies{.clock = options.clock,
                                           .random = options.random,
                                           .scheduler = options.scheduler,
                                           .log_engine = options.log_engine,
                                           .kv_engine = options.kv_engine,
                                           .transport = options.transport,
                                           .tenant = this,
                                           .metrics = &metrics_};
  host_ = std::make_unique<multiraft::Host>(options.host, std::move(dependencies));
  FinishInstallations();
  std::set<RegionId> regions;
  for (RegionId region : KvGroupStorage::Regions(*options.kv_engine)) regions.insert(region);
  auto logs = options.log_engine->LoadAll();
  CHECK_OK(logs.status());
  for (const auto& [region, state] : *logs) {
    if (state.records.contains("tombstone")) {
      regions.erase(region);
      Forget(region);
    } else {
      regions.insert(region);
    }
  }
  for (RegionId region : regions) AddGroup(region);
}

KvStore::~KvStore() = default;

void KvStore::FinishInstallations() {
  auto logs = options_.log_engine->LoadAll();
  CHECK_OK(logs.status());
  for (const auto& [region, state] : *logs) {
    auto record = state.records.find("installing");
    if (record == state.records.end()) continue;
    const raft::Snapshot snapshot = DecodeSnapshot(record->second);
    const auto known = Storage(region).Load();
    if (known && known->applied.index >= snapshot.meta.index) continue;
    Storage(region).Install(snapshot);
  }
}

void KvStore::AddGroup(RegionId region) {
  auto lease = std::make_shared<multiraft::LeaderLease>();
  {
    MutexLock lock(mutex_);
    groups_[region] = {lease, false};
  }
  KvGroupEvents events;
  events.on_role_change = [this](RegionId id, const raft::SoftState& state, Term term) {
    if (state.role == raft::Role::kLeader && options_.history != nullptr) {
      options_.history->OnLeader(id, term, options_.host.store_id);
    }
    MutexLock lock(mutex_);
    groups_[id].ready = false;
  };
  events.on_leader_ready = [this](RegionId id, Term) {
    MutexLock lock(mutex_);
    groups_[id].ready = true;
  };
  const KvGroupStorage storage = Storage(region);
  const KvGroupState state = storage.Load().value_or(KvGroupState{});
  multiraft::GroupSpec spec;
  spec.region_id = region;
  spec.peer_id = PeerOf(region, id());
  spec.conf_state = state.conf_state;
  spec.applied = state.applied;
  spec.init_log_if_absent = state.applied == kInitial;
  spec.delegate = std::make_unique<KvDelegate>(storage, std::move(events));
  spec.state_machine = std::make_unique<KvStateMachine>(storage, options_.history);
  spec.lease = std::move(lease);
  host_->AddGroup(std::move(spec));
}

std::shared_ptr<multiraft::LeaderLease> KvStore::Lease(RegionId region) {
  MutexLock lock(mutex_);
  auto it = groups_.find(region);
  return it == groups_.end() ? nullptr : it->second.lease;
}

bool KvStore::IsReadyLeader(RegionId region) {
  MutexLock lock(mutex_);
  auto it = groups_.find(region);
  return it != groups_.end() && it->second.ready;
}

void KvStore::Forget(RegionId region) {
  MutexLock lock(mutex_);
  forgotten_[region] = true;
  groups_.erase(region);
}

absl::Status KvStore::GroupNotFound(RegionId region_id) const {
  return absl::NotFoundError(fmt::format("region {} is not on store {}", region_id, id()));
}

absl::Status KvStore::Busy() const { return absl::ResourceExhaustedError("server is busy"); }

void KvStore::OnMessageToUnknownGroup(net::Envelope envelope) {
  const RegionId region = envelope.region_id;
  {
    MutexLock lock(mutex_);
    if (forgotten_.contains(region) || groups_.contains(region)) return;
  }
  // A new member that waits for its first snapshot.
  AddGroup(region);
  host_->Step(std::move(envelope));
}

}  // namespace flotilla::testing
