// The replicated metadata without replication, for tests: commands are applied in this process to a
// data engine in memory, at once or when told, while the test says which term leads.
#ifndef FLOTILLA_TESTS_PD_LOCAL_META_STORE_H_
#define FLOTILLA_TESTS_PD_LOCAL_META_STORE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "pd/meta/leadership.h"
#include "pd/meta/meta_state_machine.h"
#include "pd/meta/meta_store.h"

namespace flotilla::pd {

inline raft::ConfState Voters(std::vector<PeerId> voters) {
  raft::ConfState conf_state;
  conf_state.voters = std::move(voters);
  return conf_state;
}

class LocalApplyContext final : public multiraft::ApplyContext {
 public:
  LocalApplyContext(engine::KvEngine* engine, raft::EntryId at)
      : engine_(engine), batch_(engine->NewBatch()), at_(at) {}

  raft::EntryId at() const override { return at_; }
  engine::WriteBatch& batch() override { return *batch_; }
  void WriteOut() override {
    CHECK_OK(engine_->Write(*batch_));
    batch_->Clear();
  }

 private:
  engine::KvEngine* const engine_;
  const std::unique_ptr<engine::WriteBatch> batch_;
  const raft::EntryId at_;
};

class LocalMetaStore final : public MetaStore {
 public:
  explicit LocalMetaStore(const env::Clock* clock) : clock_(clock) {}

  void Propose(Term term, meta::v1::Command command, Callback callback) override {
    if (term != leading_) {
      std::move(callback)(NotLeaderStatus());
      return;
    }
    command.set_now_ms(clock_->WallMillis());
    if (held_) {
      waiting_.emplace_back(std::move(command), std::move(callback));
      return;
    }
    std::move(callback)(Apply(command));
  }

  void Read(ReadCallback callback) override { std::move(callback)(absl::OkStatus()); }
  MetaReader reader() const override { return MetaReader(&engine_); }

  // The term in which proposals are taken; 0: none.
  void Lead(Term term) { leading_ = term; }
  // Proposals wait until Release.
  void Hold() { held_ = true; }
  void Release() {
    held_ = false;
    auto waiting = std::exchange(waiting_, {});
    for (auto& [command, callback] : waiting) std::move(callback)(Apply(command));
  }

  absl::StatusOr<meta::v1::Result> Apply(const meta::v1::Command& command) {
    ++index_;
    const raft::EntryId at{leading_, index_};
    LocalApplyContext context(&engine_, at);
    const multiraft::CommandResult applied = machine_.Apply(context, command.SerializeAsString());
    machine_.PersistApplied(context, at);
    context.WriteOut();
    if (!applied.status.ok()) return applied.status;
    meta::v1::Result result;
    CHECK(result.ParseFromString(applied.payload));
    return result;
  }

  engine::MemoryKvEngine& engine() { return engine_; }
  size_t waiting() const { return waiting_.size(); }
  Index index() const { return index_; }

 private:
  const env::Clock* const clock_;
  env::MemoryFileSystem files_;
  engine::MemoryKvEngine engine_{&files_};
  MetaStateMachine machine_{&engine_, Voters({PeerId(1)})};
  Term leading_;
  Index index_{1};
  bool held_ = false;
  std::vector<std::pair<meta::v1::Command, Callback>> waiting_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_TESTS_PD_LOCAL_META_STORE_H_
