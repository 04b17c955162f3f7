// PD's side of its Raft group: addresses of members, snapshots inside messages, and news of the
// leadership.
//
// Thread: the raft worker's.
#ifndef FLOTILLA_PD_META_META_DELEGATE_H_
#define FLOTILLA_PD_META_META_DELEGATE_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/engine/kv_engine.h"
#include "common/multiraft/peer_delegate.h"
#include "pd/meta/leadership.h"
#include "pd/meta/member.h"

namespace flotilla::pd {

// The log engine's record of a snapshot that is being installed: the log starts after it already,
// the data engine may not have it flushed yet. The snapshot itself, by EncodeInstalling.
inline constexpr std::string_view kInstallingRecord = "installing";
std::string EncodeInstalling(const raft::Snapshot& snapshot);
absl::StatusOr<raft::Snapshot> DecodeInstalling(std::string_view record);

class MetaDelegate final : public multiraft::PeerDelegate {
 public:
  // All must outlive the delegate.
  MetaDelegate(const MemberList* members, const engine::KvEngine* engine, Leadership* leadership)
      : members_(members), engine_(engine), leadership_(leadership) {}

  void OnStart(multiraft::PeerHandle* handle) override { handle_ = handle; }
  absl::Status CheckProposal(const multiraft::Proposal& proposal) override;
  absl::Status NotLeader(PeerId leader) const override;
  bool AcceptMessage(const net::Envelope& envelope) override;
  bool AddressMessage(net::Envelope& envelope) override;
  absl::StatusOr<raft::Snapshot> SnapshotFor(PeerId to, Index min_index) override;
  bool SendSnapshot(net::Envelope& envelope) override;
  absl::Status CheckSnapshot(const raft::Snapshot& snapshot) override;
  std::vector<std::pair<std::string, std::string>> SnapshotRecords(
      const raft::Snapshot& snapshot) override;
  Index FlushedApplied() const override;
  void OnRoleChange(const raft::SoftState& state, Term term) override;
  void OnLeaderReady(Term term) override;
  void OnApplied(std::unique_ptr<multiraft::AppliedEffect> effect) override;
  void OnConfChanged(const raft::ConfState& conf_state) override;
  void OnTick() override {}
  void OnStop() override;

 private:
  const MemberList* const members_;
  const engine::KvEngine* const engine_;
  Leadership* const leadership_;
  multiraft::PeerHandle* handle_ = nullptr;
  Term ready_term_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_META_META_DELEGATE_H_
