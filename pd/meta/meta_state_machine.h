// PD's replicated state behind the host: commands of pd_meta.proto over the data engine's kMeta
// column family.
//
// Thread: the apply worker's. The state lives in the engine alone; readers on other threads see
// what is applied.
#ifndef FLOTILLA_PD_META_META_STATE_MACHINE_H_
#define FLOTILLA_PD_META_META_STATE_MACHINE_H_

#include <string_view>

#include "common/engine/kv_engine.h"
#include "common/multiraft/state_machine.h"
#include "pd/meta/meta_reader.h"

namespace flotilla::pd {

class MetaStateMachine final : public multiraft::StateMachine {
 public:
  // `engine` must outlive the state machine; `conf_state` as of the applied position.
  MetaStateMachine(engine::KvEngine* engine, raft::ConfState conf_state);

  multiraft::CommandResult Apply(multiraft::ApplyContext& context,
                                 std::string_view command) override;
  // The members of PD are those that it was started with: always refused.
  multiraft::CommandResult ApplyConfChange(multiraft::ApplyContext& context,
                                           const raft::ConfChange& change) override;
  void PersistApplied(multiraft::ApplyContext& context, raft::EntryId applied) override;
  multiraft::CommandResult InstallSnapshot(const raft::Snapshot& snapshot) override;

 private:
  engine::KvEngine* const engine_;
  const MetaReader reader_;
  raft::ConfState conf_state_;
};

// The state as of the engine's applied position, as a snapshot that InstallSnapshot takes.
absl::StatusOr<raft::Snapshot> MakeMetaSnapshot(const engine::KvEngine& engine,
                                                const raft::ConfState& conf_state);

// What is stored under kAppliedKey.
std::string EncodeApplied(raft::EntryId applied, const raft::ConfState& conf_state);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_META_META_STATE_MACHINE_H_
