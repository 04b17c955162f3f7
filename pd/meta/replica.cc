#include "pd/meta/replica.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/multiraft/transferee.h"
#include "pd/meta/meta_delegate.h"
#include "pd/meta/meta_keys.h"
#include "pd/meta/meta_state_machine.h"

namespace flotilla::pd {
namespace {

// Every member's state and log begin after this position, which no entry has.
constexpr raft::EntryId kFirstPosition{Term(1), Index(1)};

raft::ConfState VotersOf(const MemberList& members) {
  raft::ConfState conf_state;
  for (const Member& member : members.all()) conf_state.voters.push_back(member.id);
  std::sort(conf_state.voters.begin(), conf_state.voters.end());
  return conf_state;
}

raft::EntryId PositionOf(const meta::v1::AppliedState& applied) {
  return {Term(applied.term()), Index(applied.index())};
}

absl::Status CheckMembers(const meta::v1::AppliedState& applied, const raft::ConfState& expected) {
  raft::ConfState stored;
  for (const uint64_t voter : applied.voters()) stored.voters.emplace_back(voter);
  if (stored == expected) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the stored state is that of ", applied.voters_size(),
                   " other members than the ", expected.voters.size(), " of initial-cluster"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Replica>> Replica::Open(const ReplicaOptions& options,
                                                       ReplicaDependencies dependencies,
                                                       const MemberList* members) {
  std::unique_ptr<Replica> replica(new Replica(options, std::move(dependencies), members));
  RETURN_IF_ERROR(replica->PrepareState());
  return replica;
}

Replica::Replica(const ReplicaOptions& options, ReplicaDependencies dependencies,
                 const MemberList* members)
    : dependencies_(std::move(dependencies)), members_(members) {
  multiraft::HostConfig host_config = options.host;
  host_config.store_id = StoreId(members->self().id.value());
  multiraft::HostDependencies host_dependencies;
  host_dependencies.clock = dependencies_.clock;
  host_dependencies.random = dependencies_.random.Fork("host");
  host_dependencies.scheduler = dependencies_.scheduler;
  host_dependencies.log_engine = dependencies_.log_engine;
  host_dependencies.kv_engine = dependencies_.kv_engine;
  host_dependencies.transport = dependencies_.transport;
  host_dependencies.tenant = this;
  host_dependencies.metrics = dependencies_.metrics;
  host_dependencies.fail_stop = dependencies_.fail_stop;
  host_ = std::make_unique<multiraft::Host>(host_config, std::move(host_dependencies));
  store_ =
      std::make_unique<RaftMetaStore>(dependencies_.clock, host_.get(), dependencies_.kv_engine);
  leadership_ = std::make_unique<Leadership>(
      dependencies_.clock, dependencies_.random.Fork("leadership"),
      LeadershipOptions{options.schedule, options.tso_window_ms, options.id_reservation},
      store_.get(), lease_);
  leadership_->SetHandOn([this] { TransferLeadershipAway(); });
  leadership_->SetWaker(dependencies_.scheduler->Add(leadership_.get()));
}

Replica::~Replica() = default;

absl::Status Replica::PrepareState() {
  engine::KvEngine* engine = dependencies_.kv_engine;
  const MetaReader reader(engine);
  ASSIGN_OR_RETURN(const auto applied, reader.Applied());
  const absl::StatusOr<raftlog::GroupState> log = dependencies_.log_engine->Load(kMetaGroup);
  if (!log.ok() && !absl::IsNotFound(log.status())) return log.status();
  if (!applied.has_value()) {
    if (log.ok() && log->last.index > kFirstPosition.index) {
      return absl::DataLossError(absl::StrCat("the Raft log goes up to index ",
                                              log->last.index.value(),
                                              ", but the metadata are missing"));
    }
    const std::unique_ptr<engine::WriteBatch> batch = engine->NewBatch();
    batch->Put(engine::ColumnFamily::kMeta, kAppliedKey,
               EncodeApplied(kFirstPosition, VotersOf(*members_)));
    RETURN_IF_ERROR(engine->Write(*batch));
    return engine->Flush();
  }
  RETURN_IF_ERROR(CheckMembers(*applied, VotersOf(*members_)));
  if (!log.ok()) {
    if (PositionOf(*applied) == kFirstPosition) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("the metadata are as of index ", applied->index(),
                                            ", but the Raft log is missing"));
  }
  const auto record = log->records.find(std::string(kInstallingRecord));
  if (record == log->records.end()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const raft::Snapshot snapshot, DecodeInstalling(record->second));
  if (snapshot.meta.index.value() <= applied->index()) return absl::OkStatus();
  LOG_INFO("finishes the installation of the state as of index {}", snapshot.meta.index);
  return MetaStateMachine(engine, snapshot.meta.conf_state).InstallSnapshot(snapshot).status;
}

absl::Status Replica::Join() {
  ASSIGN_OR_RETURN(const auto applied, MetaReader(dependencies_.kv_engine).Applied());
  CHECK(applied.has_value());
  multiraft::GroupSpec spec;
  spec.region_id = kMetaGroup;
  spec.peer_id = members_->self().id;
  spec.conf_state = VotersOf(*members_);
  spec.applied = PositionOf(*applied);
  spec.init_log_if_absent = spec.applied == kFirstPosition;
  spec.campaign_at_start = members_->all().size() == 1;
  spec.delegate =
      std::make_unique<MetaDelegate>(members_, dependencies_.kv_engine, leadership_.get());
  spec.state_machine = std::make_unique<MetaStateMachine>(dependencies_.kv_engine, spec.conf_state);
  spec.lease = lease_;
  host_->AddGroup(std::move(spec));
  return absl::OkStatus();
}

void Replica::Step(net::Envelope envelope) { host_->Step(std::move(envelope)); }

void Replica::TransferLeadershipAway() {
  Inspect([this](absl::StatusOr<multiraft::GroupStatus> status) {
    if (!status.ok() || status->node.soft_state.role != raft::Role::kLeader) return;
    const auto best = multiraft::BestTransferee(status->node);
    if (!best) return;
    LOG_INFO("hands the leadership to member {}", members_->Find(*best)->name);
    host_->TransferLeadership(kMetaGroup, *best, [](absl::Status started) {
      if (!started.ok()) LOG_WARN("leadership is not handed on: {}", started.ToString());
    });
  });
}

absl::Status Replica::GroupNotFound(RegionId region_id) const {
  return absl::NotFoundError(absl::StrCat("PD has no Raft group ", region_id.value()));
}

absl::Status Replica::Busy() const {
  return absl::ResourceExhaustedError("too many requests wait for PD's Raft group");
}

// Nobody but the one group is addressed here.
void Replica::OnMessageToUnknownGroup(net::Envelope) {}

}  // namespace flotilla::pd
