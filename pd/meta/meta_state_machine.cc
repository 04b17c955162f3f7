#include "pd/meta/meta_state_machine.h"

#include <memory>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "pd/meta/meta_commands.h"
#include "pd/meta/meta_keys.h"

namespace flotilla::pd {
namespace {

constexpr engine::ColumnFamily kMeta = engine::ColumnFamily::kMeta;

multiraft::CommandResult Refused(absl::Status status) {
  multiraft::CommandResult result;
  result.status = std::move(status);
  return result;
}

}  // namespace

std::string EncodeApplied(raft::EntryId applied, const raft::ConfState& conf_state) {
  meta::v1::AppliedState state;
  state.set_term(applied.term.value());
  state.set_index(applied.index.value());
  for (const PeerId voter : conf_state.voters) state.add_voters(voter.value());
  return state.SerializeAsString();
}

MetaStateMachine::MetaStateMachine(engine::KvEngine* engine, raft::ConfState conf_state)
    : engine_(engine), reader_(engine), conf_state_(std::move(conf_state)) {}

multiraft::CommandResult MetaStateMachine::Apply(multiraft::ApplyContext& context,
                                                 std::string_view command) {
  meta::v1::Command parsed;
  if (!parsed.ParseFromArray(command.data(), static_cast<int>(command.size()))) {
    return Refused(absl::InvalidArgumentError("metadata command cannot be parsed"));
  }
  // Commands read the state that they change.
  context.WriteOut();
  const absl::StatusOr<meta::v1::Result> result =
      MetaCommands(&reader_, &context.batch(), parsed.now_ms()).Run(parsed);
  if (!result.ok()) return Refused(result.status());
  multiraft::CommandResult answer;
  answer.payload = result->SerializeAsString();
  return answer;
}

multiraft::CommandResult MetaStateMachine::ApplyConfChange(multiraft::ApplyContext&,
                                                           const raft::ConfChange&) {
  return Refused(absl::UnimplementedError("the members of PD cannot be changed"));
}

void MetaStateMachine::PersistApplied(multiraft::ApplyContext& context, raft::EntryId applied) {
  context.batch().Put(kMeta, kAppliedKey, EncodeApplied(applied, conf_state_));
}

multiraft::CommandResult MetaStateMachine::InstallSnapshot(const raft::Snapshot& snapshot) {
  meta::v1::Snapshot dump;
  const std::string_view data = snapshot.data.view();
  if (!dump.ParseFromArray(data.data(), static_cast<int>(data.size()))) {
    return Refused(absl::DataLossError("metadata snapshot cannot be parsed"));
  }
  // One batch: a crash leaves the old state or the new one.
  const std::unique_ptr<engine::WriteBatch> batch = engine_->NewBatch();
  batch->DeleteRange(kMeta, PrefixRange(kStatePrefix));
  for (const auto& pair : dump.pairs()) batch->Put(kMeta, pair.key(), pair.value());
  conf_state_ = snapshot.meta.conf_state;
  batch->Put(kMeta, kAppliedKey,
             EncodeApplied({snapshot.meta.term, snapshot.meta.index}, conf_state_));
  return Refused(engine_->Write(*batch));
}

absl::StatusOr<raft::Snapshot> MakeMetaSnapshot(const engine::KvEngine& engine,
                                                const raft::ConfState& conf_state) {
  const std::shared_ptr<const engine::Snapshot> view = engine.NewSnapshot();
  const MetaReader reader(&engine, view.get());
  ASSIGN_OR_RETURN(const auto applied, reader.Applied());
  if (!applied.has_value()) return absl::UnavailableError("nothing is applied yet");
  ASSIGN_OR_RETURN(const meta::v1::Snapshot dump, reader.Dump());
  raft::Snapshot snapshot;
  snapshot.meta.index = Index(applied->index());
  snapshot.meta.term = Term(applied->term());
  snapshot.meta.conf_state = conf_state;
  snapshot.data = Bytes(dump.SerializeAsString());
  return snapshot;
}

}  // namespace flotilla::pd
