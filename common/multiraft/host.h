// Any number of Raft groups in one process: a store runs thousands, PD runs one.
//
// The host owns the stages (RaftWorkers, LogWriter, ApplyWorkers, Ticker) and the way between them;
// tenants see groups by id. All methods are thread-safe and never block; what they start is
// finished by callbacks. ARCHITECTURE.md "The write pipeline" has the picture.
#ifndef FLOTILLA_COMMON_MULTIRAFT_HOST_H_
#define FLOTILLA_COMMON_MULTIRAFT_HOST_H_

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "common/engine/kv_engine.h"
#include "common/env/clock.h"
#include "common/env/fail_stop.h"
#include "common/env/random.h"
#include "common/env/stage.h"
#include "common/metrics/registry.h"
#include "common/multiraft/lease.h"
#include "common/multiraft/peer_delegate.h"
#include "common/multiraft/proposal.h"
#include "common/multiraft/state_machine.h"
#include "common/net/transport.h"
#include "common/raftlog/log_engine.h"

namespace flotilla::multiraft {

struct HostConfig {
  StoreId store_id;
  int raft_workers = 1;
  int apply_workers = 1;
  env::Duration tick_interval = std::chrono::milliseconds(100);
  uint32_t election_timeout_ticks = 10;
  uint32_t heartbeat_ticks = 3;
  // Fraction of the election timeout for which a lease holds, the rest being reserved for clocks
  // that run at different speeds.
  double lease_ratio = 0.9;
  uint64_t max_append_bytes = 1 << 20;
  uint32_t max_inflight_messages = 256;
  uint64_t max_inflight_bytes = 16 << 20;
  uint64_t max_uncommitted_bytes = 64 << 20;
  uint64_t max_unapplied_bytes = 64 << 20;
  // Largest entry; proposals are merged up to `max_merged_bytes`.
  uint64_t max_entry_bytes = 8 << 20;
  uint64_t max_merged_bytes = 256 << 10;
  // Requests that may wait for one raft worker; beyond it they are refused with ServerIsBusy.
  size_t inbox_capacity = 40'960;
  // Recent entries of all groups, kept for followers and the applier.
  uint64_t entry_cache_bytes = 256ull << 20;
  // Each group's log is looked at for truncation once in this time.
  env::Duration truncate_interval = std::chrono::seconds(2);
  // Entries and bytes kept for slow followers before a log is truncated beneath them; a quarter of
  // it for followers that are not heard of.
  uint64_t max_log_entries = 100'000;
  uint64_t max_log_bytes = 64 << 20;
  // The same of all groups together. Beyond it logs are cut beneath slow followers, the largest
  // first.
  uint64_t max_total_log_bytes = 192 << 20;
  // A log is not truncated for fewer entries than that.
  uint64_t min_truncated_entries = 128;
  // Committed entries that may wait for one apply worker; beyond it proposals are refused with
  // ServerIsBusy, and beyond twice that the entries of leaders elsewhere are dropped until it
  // caught up.
  uint64_t max_apply_queue_bytes = 256ull << 20;
  // The same of entries that wait for the log's disk.
  uint64_t max_log_queue_bytes = 64 << 20;
  // Messages of other stores that may wait for one raft worker; beyond it they are dropped.
  uint64_t max_received_bytes = 64 << 20;
  // What a raft worker reads in a round from the log's disk, for followers that are far behind.
  uint64_t max_round_read_bytes = 2 << 20;
};

// What the tenant is asked about groups that the host does not have. Called on raft workers.
class Tenant {
 public:
  virtual ~Tenant() = default;
  virtual absl::Status GroupNotFound(RegionId region_id) const = 0;
  virtual absl::Status Busy() const = 0;
  // The tenant may add the group and step the message again.
  virtual void OnMessageToUnknownGroup(net::Envelope envelope) = 0;
};

struct GroupSpec {
  RegionId region_id;
  PeerId peer_id;
  // As of `applied`, which is what the data engine holds. Empty and 0 for a peer that waits for its
  // first snapshot.
  raft::ConfState conf_state;
  raft::EntryId applied;
  // Records and log state that must be durable before the group starts and are written only if the
  // log engine holds no log of the group yet (a child made by a split, a bootstrapped region). A
  // term and a vote that it does hold are kept.
  bool init_log_if_absent = false;
  // Only together with a log that was absent. A group's only voter campaigns anyway.
  bool campaign_at_start = false;
  std::unique_ptr<PeerDelegate> delegate;
  std::unique_ptr<StateMachine> state_machine;
  std::shared_ptr<LeaderLease> lease;
};

struct HostDependencies {
  const env::Clock* clock = nullptr;
  env::Random random{0};
  env::Scheduler* scheduler = nullptr;
  raftlog::LogEngine* log_engine = nullptr;
  engine::KvEngine* kv_engine = nullptr;
  net::Transport* transport = nullptr;
  Tenant* tenant = nullptr;
  metrics::Registry* metrics = nullptr;
  // Hears that the log could not be written; null: the process aborts.
  env::FailStop* fail_stop = nullptr;
};

struct GroupStatus {
  raft::NodeStatus node;
  raft::EntryId log_truncated;
  uint64_t pending_proposals = 0;
  uint64_t pending_reads = 0;
};

// What waits for the stages, of each kind the most that waits for one of them.
struct QueueLengths {
  uint64_t inbox_messages = 0;  // For a raft worker.
  uint64_t log_bytes = 0;       // For the log's disk.
  uint64_t apply_bytes = 0;     // For an apply worker.
};

class Host {
 public:
  // Adds its stages to the scheduler; nothing runs before Scheduler::Start.
  Host(const HostConfig& config, HostDependencies dependencies);
  // Answers everybody who waits: what was appended is undetermined. REQUIRES: the scheduler was
  // stopped, and nobody calls the host any more, callbacks included.
  ~Host();

  // Starts a group, before or after Scheduler::Start. A group of that id must not exist.
  void AddGroup(GroupSpec spec);
  // Stops a group; proposals under way become undetermined. `clear_log` also forgets its log and
  // leaves `records` in its place. When `done` runs (on the log writer's thread) that is durable,
  // the state machine is gone and the group may be added again; until then it must not.
  void RemoveGroup(RegionId region_id, bool clear_log,
                   std::vector<std::pair<std::string, std::string>> records,
                   absl::AnyInvocable<void() &&> done);

  void Propose(RegionId region_id, Proposal proposal);
  // A linearizable read: on a leader with a lease at once, else by ReadIndex; on a follower by
  // asking the leader.
  void Read(RegionId region_id, ReadRequest request);
  void Step(net::Envelope envelope);

  // `done` hears whether the transfer was started, not whether it succeeded.
  void TransferLeadership(RegionId region_id, PeerId target,
                          absl::AnyInvocable<void(absl::Status) &&> done);
  // Ignored on a peer that has heard of a leader, or was restarted, within the last election
  // timeout: it may have promised that leader a lease.
  void Campaign(RegionId region_id);
  // Asks for a truncation now, up to `index` or what the data engine has flushed, whichever is
  // less.
  void TruncateLog(RegionId region_id, Index index);
  void ReportSnapshot(RegionId region_id, PeerId to, bool succeeded);
  // Messages to that store were probably lost.
  void ReportUnreachable(StoreId store_id);
  // How slow the log's disk is, from 1 to 100: see raftlog::SlowScore. Thread-safe.
  double SlowScore();
  // Thread-safe; each number as of a moment of its own.
  QueueLengths Queues() const;
  void Inspect(RegionId region_id, absl::AnyInvocable<void(absl::StatusOr<GroupStatus>) &&> done);
  // Runs `work` on the group's raft worker. Not called when the group does not exist.
  void WithPeer(RegionId region_id, absl::AnyInvocable<void(PeerDelegate&, PeerHandle&) &&> work);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_HOST_H_
