#include "tests/support/kv_store.h"

#include <string>
#include <utility>
#include <variant>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/raft/membership.h"

namespace flotilla::testing {

void KvStore::Bootstrap(engine::KvEngine* engine, RegionId region, PeerId self,
                        const std::vector<PeerId>& voters) {
  const KvGroupStorage storage(engine, region);
  auto batch = engine->NewBatch();
  storage.SaveSelf(*batch, self);
  storage.SaveApplied(*batch, kInitial, 0);
  raft::ConfState conf;
  conf.voters = voters;
  storage.SaveConfState(*batch, conf, {});
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
  const auto logs = options.log_engine->LoadAll();
  CHECK_OK(logs.status());
  for (const auto& [region, state] : *logs) {
    if (const auto it = state.records.find(std::string(kKvTombstone)); it != state.records.end()) {
      FinishRemoval(region, DecodeTombstone(it->second));
    }
    if (const auto it = state.records.find(std::string(kKvInstalling)); it != state.records.end()) {
      FinishInstallation(region, DecodeInstallation(it->second));
    }
  }
  for (const RegionId region : KvGroupStorage::Regions(*options.kv_engine)) {
    const KvGroupState state = *Storage(region).Load();
    if (raft::IsMember(state.conf_state, state.self)) {
      AddGroup(region, state.self);
    } else {
      Bury(region, {state.self, state.changed_at});
    }
  }
}

KvStore::~KvStore() = default;

// --- What a crash left half done ----------------------------------------------------------------

void KvStore::FinishRemoval(RegionId region, const KvTombstone& tombstone) {
  const auto state = Storage(region).Load();
  if (state && state->self <= tombstone.peer) Storage(region).Clear();
  MutexLock lock(mutex_);
  tombstones_[region] = tombstone;
}

void KvStore::FinishInstallation(RegionId region, const KvInstallation& installation) {
  const auto state = Storage(region).Load();
  const bool installed = state && state->self == installation.self &&
                         state->applied.index >= installation.snapshot.meta.index;
  if (!installed) Storage(region).Install(installation);
}

void KvStore::Bury(RegionId region, const KvTombstone& tombstone) {
  raftlog::LogChange change;
  change.region_id = region;
  change.clear = true;
  change.records = {{std::string(kKvTombstone), EncodeTombstone(tombstone)}};
  raftlog::LogBatch batch;
  batch.changes.push_back(std::move(change));
  CHECK_OK(options_.log_engine->Write(batch));
  FinishRemoval(region, tombstone);
}

// --- Life of groups -----------------------------------------------------------------------------

void KvStore::AddGroup(RegionId region, PeerId peer) {
  auto lease = std::make_shared<multiraft::LeaderLease>();
  {
    MutexLock lock(mutex_);
    groups_[region] = {.peer = peer, .lease = lease, .incarnation = ++last_incarnation_};
  }
  if (options_.promises != nullptr) {
    const auto kept = options_.log_engine->Load(region);
    options_.promises->OnStart(region, peer, kept.ok() ? *kept : raftlog::GroupState{});
  }
  KvGroupEvents events;
  events.on_role_change = [this](RegionId id, const raft::SoftState& state, Term term) {
    if (state.role == raft::Role::kLeader && options_.history != nullptr) {
      options_.history->OnLeader(id, term, options_.host.store_id);
    }
    SetReady(id, false);
  };
  events.on_leader_ready = [this](RegionId id, Term) { SetReady(id, true); };
  events.on_gone = [this](RegionId id, raft::EntryId removed_at) { Destroy(id, removed_at); };
  const KvGroupStorage storage = Storage(region);
  const KvGroupState state = storage.Load().value_or(KvGroupState{});
  multiraft::GroupSpec spec;
  spec.region_id = region;
  spec.peer_id = peer;
  spec.conf_state = state.conf_state;
  spec.applied = state.applied;
  spec.init_log_if_absent = state.applied == kInitial;
  spec.delegate = std::make_unique<KvDelegate>(storage, peer, std::move(events));
  spec.state_machine = std::make_unique<KvStateMachine>(storage, peer, options_.history);
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

void KvStore::SetReady(RegionId region, bool ready) {
  MutexLock lock(mutex_);
  auto it = groups_.find(region);
  if (it != groups_.end()) it->second.ready = ready && !it->second.going;
}

bool KvStore::Has(RegionId region) {
  MutexLock lock(mutex_);
  return groups_.contains(region);
}

uint64_t KvStore::Incarnation(RegionId region) {
  MutexLock lock(mutex_);
  auto it = groups_.find(region);
  return it == groups_.end() || it->second.going ? 0 : it->second.incarnation;
}

void KvStore::Destroy(RegionId region, raft::EntryId removed_at) {
  KvTombstone tombstone{.peer = {}, .removed_at = removed_at};
  {
    MutexLock lock(mutex_);
    auto it = groups_.find(region);
    if (it == groups_.end() || it->second.going) return;
    it->second.going = true;
    it->second.ready = false;
    tombstone.peer = it->second.peer;
  }
  host_->RemoveGroup(region, /*clear_log=*/true,
                     {{std::string(kKvTombstone), EncodeTombstone(tombstone)}},
                     [this, region, tombstone] { OnDestroyed(region, tombstone); });
}

void KvStore::OnDestroyed(RegionId region, const KvTombstone& tombstone) {
  Storage(region).Clear();
  MutexLock lock(mutex_);
  tombstones_[region] = tombstone;
  groups_.erase(region);
}

absl::Status KvStore::GroupNotFound(RegionId region_id) const {
  return absl::NotFoundError(fmt::format("region {} is not on store {}", region_id, id()));
}

absl::Status KvStore::Busy() const { return absl::ResourceExhaustedError("server is busy"); }

void KvStore::OnMessageToUnknownGroup(net::Envelope envelope) {
  const RegionId region = envelope.region_id;
  const PeerId to = envelope.message.to;
  {
    MutexLock lock(mutex_);
    if (groups_.contains(region)) return;
    const auto it = tombstones_.find(region);
    if (it != tombstones_.end() && to <= it->second.peer) {
      AnswerForTombstone(it->second, envelope);
      return;
    }
  }
  // A new member that waits for its first snapshot.
  AddGroup(region, to);
  host_->Step(std::move(envelope));
}

void KvStore::AnswerForTombstone(const KvTombstone& tombstone, const net::Envelope& envelope) {
  const raft::Message& message = envelope.message;
  if (message.to != tombstone.peer || tombstone.removed_at == raft::EntryId{} ||
      !std::holds_alternative<raft::VoteRequest>(message.body)) {
    return;
  }
  net::Envelope answer;
  answer.region_id = envelope.region_id;
  answer.from_store = id();
  answer.to_store = envelope.from_store;
  answer.message = {.from = message.to,
                    .to = message.from,
                    .term = tombstone.removed_at.term,
                    .body = raft::VoteResponse{
                        .pre_vote = true, .rejected = true, .commit = tombstone.removed_at}};
  options_.transport->Send(std::move(answer));
}

}  // namespace flotilla::testing
