// A small tenant of the multi-Raft host for tests: replicated keys with values. A peer's id tells
// its store: it is its last two digits.
#ifndef FLOTILLA_TESTS_SUPPORT_KV_GROUP_H_
#define FLOTILLA_TESTS_SUPPORT_KV_GROUP_H_

#include <functional>
#include <map>
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

// A region's peer on a store; one that comes after a removed one there is of a later generation,
// and has a higher id.
inline PeerId PeerOf(RegionId region, StoreId store, uint64_t generation = 0) {
  return PeerId((generation * 1000 + region.value()) * 100 + store.value());
}
inline StoreId StoreOf(PeerId peer) { return StoreId(peer.value() % 100); }

// What a group's data engine holds beside the keys.
struct KvGroupState {
  PeerId self;
  raft::EntryId applied;
  raft::ConfState conf_state;
  raft::EntryId changed_at;  // Of the change that made it so; {0, 0} when that is not known.
  uint64_t digest = 0;       // Of all that was applied.
};

// A snapshot on its way into the data engine, for the peer that took it.
struct KvInstallation {
  PeerId self;
  raft::Snapshot snapshot;
};

// How the test's groups lie in a KvEngine.
class KvGroupStorage {
 public:
  KvGroupStorage(engine::KvEngine* engine, RegionId region) : engine_(engine), region_(region) {}

  std::string DataKey(std::string_view key) const;
  void Put(engine::WriteBatch& batch, std::string_view key, std::string_view value) const;
  std::optional<std::string> Get(std::string_view key) const;
  std::map<std::string, std::string> Rows() const;
  void SaveSelf(engine::WriteBatch& batch, PeerId self) const;
  void SaveApplied(engine::WriteBatch& batch, raft::EntryId applied, uint64_t digest) const;
  void SaveConfState(engine::WriteBatch& batch, const raft::ConfState& conf_state,
                     raft::EntryId changed_at) const;
  // nullopt: the engine knows nothing of the group.
  std::optional<KvGroupState> Load() const { return LoadFrom({}); }
  // 0 also when what is flushed is another peer's.
  Index FlushedApplied(PeerId self) const;
  // The whole group as a snapshot's payload, and back.
  raft::Snapshot MakeSnapshot() const;
  void Install(const KvInstallation& installation) const;
  // Forgets the group and its data.
  void Clear() const;
  // Regions that the engine knows of.
  static std::vector<RegionId> Regions(const engine::KvEngine& engine);

  engine::KvEngine* engine() const { return engine_; }
  RegionId region() const { return region_; }

 private:
  std::optional<KvGroupState> LoadFrom(const engine::ReadOptions& options) const;

  engine::KvEngine* const engine_;
  const RegionId region_;
};

// Records of a group in the log engine: an installation to be finished, and the last peer that was
// removed from the store.
inline constexpr std::string_view kKvInstalling = "installing";
inline constexpr std::string_view kKvTombstone = "tombstone";

std::string EncodeInstallation(const KvInstallation& installation);
KvInstallation DecodeInstallation(std::string_view data);

// This replica applied its own removal.
class KvSelfRemoved final : public multiraft::AppliedEffect {
 public:
  explicit KvSelfRemoved(raft::EntryId at) : at(at) {}
  const raft::EntryId at;
};

// A peer that was removed from a store.
struct KvTombstone {
  PeerId peer;
  raft::EntryId removed_at;  // {0, 0}: it did not apply its removal.
};
std::string EncodeTombstone(const KvTombstone& tombstone);
KvTombstone DecodeTombstone(std::string_view data);

class KvStateMachine final : public multiraft::StateMachine {
 public:
  // Of the peer `self`. `history` may be null.
  KvStateMachine(KvGroupStorage storage, PeerId self, KvHistory* history);

  multiraft::CommandResult Apply(multiraft::ApplyContext& context,
                                 std::string_view command) override;
  multiraft::CommandResult ApplyConfChange(multiraft::ApplyContext& context,
                                           const raft::ConfChange& change) override;
  void PersistApplied(multiraft::ApplyContext& context, raft::EntryId applied) override;
  multiraft::CommandResult InstallSnapshot(const raft::Snapshot& snapshot) override;

 private:
  const KvGroupStorage storage_;
  const PeerId self_;
  KvHistory* const history_;
  Index last_index_;
  int ordinal_ = 0;
  uint64_t digest_ = 0;
  bool removed_ = false;
};

// What the test wants to hear of a group, on its raft worker.
struct KvGroupEvents {
  std::function<void(RegionId, const raft::SoftState&, Term)> on_role_change;
  std::function<void(RegionId, Term)> on_leader_ready;
  // The peer is no member any more: it applied its removal, or ({0, 0}) a later peer of the group
  // is spoken to on this store.
  std::function<void(RegionId, raft::EntryId removed_at)> on_gone;
};

class KvDelegate final : public multiraft::PeerDelegate {
 public:
  KvDelegate(KvGroupStorage storage, PeerId self, KvGroupEvents events)
      : storage_(storage), self_(self), events_(std::move(events)) {}

  void OnStart(multiraft::PeerHandle* handle) override { handle_ = handle; }
  absl::Status CheckProposal(const multiraft::Proposal& proposal) override;
  absl::Status NotLeader(PeerId leader) const override;
  bool AcceptMessage(const net::Envelope& envelope) override;
  bool AddressMessage(net::Envelope& envelope) override;
  absl::StatusOr<raft::Snapshot> SnapshotFor(PeerId to, Index min_index) override;
  bool SendSnapshot(net::Envelope&) override { return false; }
  absl::Status CheckSnapshot(const raft::Snapshot& snapshot) override;
  std::vector<std::pair<std::string, std::string>> SnapshotRecords(
      const raft::Snapshot& snapshot) override;
  Index FlushedApplied() const override { return storage_.FlushedApplied(self_); }
  void OnRoleChange(const raft::SoftState& state, Term term) override;
  void OnLeaderReady(Term term) override;
  void OnApplied(std::unique_ptr<multiraft::AppliedEffect> effect) override;
  void OnConfChanged(const raft::ConfState&) override {}
  void OnTick() override {}
  void OnStop() override {}

 private:
  const KvGroupStorage storage_;
  const PeerId self_;
  const KvGroupEvents events_;
  multiraft::PeerHandle* handle_ = nullptr;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_KV_GROUP_H_
