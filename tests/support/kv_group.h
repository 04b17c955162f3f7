// A small tenant of the multi-Raft host for tests: replicated keys with values. The peer with id
// region * 100 + s lives on store s.
#ifndef FLOTILLA_TESTS_SUPPORT_KV_GROUP_H_
#define FLOTILLA_TESTS_SUPPORT_KV_GROUP_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/engine/kv_engine.h"
#include "common/multiraft/peer_delegate.h"
#include "common/multiraft/state_machine.h"
#include "tests/support/kv_history.h"

namespace flotilla::testing {

inline PeerId PeerOf(RegionId region, StoreId store) {
  return PeerId(region.value() * 100 + store.value());
}
inline StoreId StoreOf(PeerId peer) { return StoreId(peer.value() % 100); }

// What a group's data engine holds beside the keys.
struct KvGroupState {
  raft::EntryId applied;
  raft::ConfState conf_state;
};

// How the test's groups lie in a KvEngine.
class KvGroupStorage {
 public:
  KvGroupStorage(engine::KvEngine* engine, RegionId region) : engine_(engine), region_(region) {}

  std::string DataKey(std::string_view key) const;
  void Put(engine::WriteBatch& batch, std::string_view key, std::string_view value) const;
  std::optional<std::string> Get(std::string_view key) const;
  void SaveApplied(engine::WriteBatch& batch, raft::EntryId applied) const;
  void SaveConfState(engine::WriteBatch& batch, const raft::ConfState& conf_state) const;
  // nullopt: the engine knows nothing of the group.
  std::optional<KvGroupState> Load() const;
  Index FlushedApplied() const;
  // The whole group as a snapshot's payload, and back.
  raft::Snapshot MakeSnapshot() const;
  void Install(const raft::Snapshot& snapshot) const;
  // Regions that the engine knows of.
  static std::vector<RegionId> Regions(const engine::KvEngine& engine);

  engine::KvEngine* engine() const { return engine_; }
  RegionId region() const { return region_; }

 private:
  engine::KvEngine* const engine_;
  const RegionId region_;
};

std::string EncodeSnapshot(const raft::Snapshot& snapshot);
raft::Snapshot DecodeSnapshot(std::string_view data);

class KvStateMachine final : public multiraft::StateMachine {
 public:
  // `history` may be null.
  KvStateMachine(KvGroupStorage storage, KvHistory* history)
      : storage_(storage), history_(history) {}

  multiraft::CommandResult Apply(multiraft::ApplyContext& context,
                                 std::string_view command) override;
  multiraft::CommandResult ApplyConfChange(multiraft::ApplyContext& context,
                                           const raft::ConfChange& change) override;
  void PersistApplied(multiraft::ApplyContext& context, raft::EntryId applied) override;
  multiraft::CommandResult InstallSnapshot(const raft::Snapshot& snapshot) override;

 private:
  const KvGroupStorage storage_;
  KvHistory* const history_;
  Index last_index_;
  int ordinal_ = 0;
};

// What the test wants to hear of a group, on its raft worker.
struct KvGroupEvents {
  std::function<void(RegionId, const raft::SoftState&, Term)> on_role_change;
  std::function<void(RegionId, Term)> on_leader_ready;
};

class KvDelegate final : public multiraft::PeerDelegate {
 public:
  KvDelegate(KvGroupStorage storage, KvGroupEvents events)
      : storage_(storage), events_(std::move(events)) {}

  void OnStart(multiraft::PeerHandle* handle) override { handle_ = handle; }
  absl::Status CheckProposal(const multiraft::Proposal& proposal) override;
  absl::Status NotLeader(PeerId leader) const override;
  bool AcceptMessage(const net::Envelope&) override { return true; }
  bool AddressMessage(net::Envelope& envelope) override;
  absl::StatusOr<raft::Snapshot> SnapshotFor(PeerId to, Index min_index) override;
  bool SendSnapshot(net::Envelope&) override { return false; }
  absl::Status CheckSnapshot(const raft::Snapshot&) override { return absl::OkStatus(); }
  std::vector<std::pair<std::string, std::string>> SnapshotRecords(
      const raft::Snapshot& snapshot) override;
  Index FlushedApplied() const override { return storage_.FlushedApplied(); }
  void OnRoleChange(const raft::SoftState& state, Term term) override;
  void OnLeaderReady(Term term) override;
  void OnApplied(std::unique_ptr<multiraft::AppliedEffect>) override {}
  void OnConfChanged(const raft::ConfState&) override {}
  void OnTick() override {}
  void OnStop() override {}

 private:
  const KvGroupStorage storage_;
  const KvGroupEvents events_;
  multiraft::PeerHandle* handle_ = nullptr;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_KV_GROUP_H_
