// The stage that owns peers: it drains its inbox, lets each message change its peer, then takes
// from every touched peer what its node wants done, and hands all of it on in one piece.
//
// Thread: its own; worker i owns the groups with region_id % N == i for life, so that no peer needs
// a lock. Place in the pipeline: callers and transport -> RaftWorker -> transport, LogWriter,
// ApplyWorker -> completions back to RaftWorker.
#ifndef FLOTILLA_COMMON_MULTIRAFT_RAFT_WORKER_H_
#define FLOTILLA_COMMON_MULTIRAFT_RAFT_WORKER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/env/stage.h"
#include "common/multiraft/apply_worker.h"
#include "common/multiraft/peer.h"
#include "common/multiraft/peer_message.h"
#include "common/multiraft/worker_inbox.h"
#include "common/raftlog/log_writer.h"

namespace flotilla::multiraft {

// Where a raft worker hands its work to.
struct WorkerSinks {
  net::Transport* transport = nullptr;
  raftlog::LogWriter* log_writer = nullptr;
  std::vector<ApplyWorker*> apply_workers;
  Tenant* tenant = nullptr;
};

class RaftWorker final : public env::Stage {
 public:
  // `environment` holds what the worker's peers share; its sinks' fields are filled in here. All
  // pointers must outlive the worker.
  RaftWorker(int number, WorkerInbox* inbox, WorkerSinks sinks, PeerEnvironment environment);
  // Answers what still waits in the inbox and stops all peers.
  ~RaftWorker() override;

  std::string_view name() const override { return name_; }
  bool RunOnce() override;

 private:
  struct StopRequest {
    bool clear_log = false;
    LogRecords records;
    DurableCallback done;
    // Retired; still hears of what was under way to its state machine.
    std::unique_ptr<Peer> peer;
  };

  void Handle(ProposeRequest& message);
  void Handle(IndexRead& message);
  void Handle(Received& message);
  void Handle(StartGroup& message);
  void Handle(StopGroup& message);
  void Handle(TransferRequest& message);
  void Handle(CampaignRequest& message);
  void Handle(TruncateRequest& message);
  void Handle(TruncateAll& message);
  void Handle(SnapshotReport& message);
  void Handle(UnreachableReport& message);
  void Handle(InspectRequest& message);
  void Handle(PeerWork& message);
  void Handle(TickAll& message);
  void Handle(Persisted& message);
  void Handle(AppliedGroups& message);
  void Handle(GroupStopped& message);

  // Null when the group is not here.
  Peer* Find(RegionId region_id) const;
  // The peer that the completion belongs to; null when it left meanwhile.
  Peer* Find(RegionId region_id, Incarnation incarnation) const;
  // More than `times` what may wait, waits to be applied or for the log's disk.
  bool IsBehind(RegionId region_id, uint64_t times) const;
  void ServePostponed();
  void FinishStop(RegionId region_id, StopRequest request);
  void TruncateAllInTime();
  void ReportUnreachableStores();
  void ObserveWait();
  void Flush();
  void SubmitLogWrite();

  const std::string name_;
  WorkerInbox* const inbox_;
  const WorkerSinks sinks_;
  raftlog::EntryCache entry_cache_;
  raftlog::ReadBudget read_budget_;
  PeerEnvironment env_;
  std::vector<PeerMessage> taken_;
  absl::flat_hash_map<RegionId, std::unique_ptr<Peer>> peers_;
  // In the order in which they came: what is done for all is done in the same order in every run.
  std::vector<Peer*> in_order_;
  std::vector<StoreId> unreachable_;      // Reported in this round.
  std::vector<TruncateAll> truncations_;  // Whose time has not come.
  // Groups whose state machine has not answered the StopApplying yet.
  absl::flat_hash_map<RegionId, StopRequest> stopping_;
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_RAFT_WORKER_H_
