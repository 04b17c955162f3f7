// What the leader does by itself: walks over the regions and lets the checkers and schedulers,
// which are pure functions, decide; hands the operators on; repeats instructions that may be lost.
//
// Thread: Tick is called by the leadership stage. The boundaries may be added by any thread.
#ifndef FLOTILLA_PD_SCHEDULE_COORDINATOR_H_
#define FLOTILLA_PD_SCHEDULE_COORDINATOR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/env/random.h"
#include "pd/cluster/cluster.h"
#include "pd/cluster/heartbeat_streams.h"
#include "pd/schedule/leader_balance.h"
#include "pd/schedule/operator_controller.h"
#include "pd/schedule/peer_id_pool.h"
#include "pd/schedule/replica_checker.h"
#include "pd/schedule/split_checker.h"

namespace flotilla::pd {

// Keys that split requests may wait for at a time.
inline constexpr size_t kMaxWaitingSplitKeys = 100'000;

struct ScheduleConfig {
  ReplicaConfig replica;
  LeaderBalanceConfig leader_balance;
  OperatorLimits limits;
  // Silence after which a store is taken for lost.
  env::Duration store_down_after = kStoreDownAfter;
  // False: leaders stay where elections put them.
  bool balance_leaders = true;
  env::Duration tick_interval = std::chrono::milliseconds(100);
  // Leaders are balanced by one step in so long.
  env::Duration balance_interval = std::chrono::milliseconds(500);
  // Regions looked at in one tick.
  size_t patrol_batch = 256;
};

class Coordinator {
 public:
  // What it works on; all must outlive it.
  struct Parts {
    Cluster* cluster = nullptr;
    OperatorController* operators = nullptr;
    HeartbeatStreams* streams = nullptr;
  };
  // Fetches `count` ids; the callback, which gets the first one, may run on any thread, at once or
  // after the coordinator is gone.
  using AllocateIds = absl::AnyInvocable<void(
      uint32_t count, absl::AnyInvocable<void(absl::StatusOr<uint64_t>) &&> done)>;

  // Makes a tombstone of a lost store that has no replica left; repeated until it is one.
  using BuryStore = absl::AnyInvocable<void(StoreId)>;

  Coordinator(const ScheduleConfig& config, Parts parts, env::Random random,
              AllocateIds allocate_ids, BuryStore bury_store);

  // One round of bounded work. The leadership stage calls it every tick_interval.
  void Tick();

  // Regions shall be cut at these keys, as long as this leadership lasts.
  void AddBoundaries(const std::vector<std::string>& keys);

  struct SplitOutcome {
    // Keys at which a region begins now, and these regions.
    size_t finished_keys = 0;
    std::vector<RegionId> regions;
  };
  using SplitCallback = absl::AnyInvocable<void(absl::StatusOr<SplitOutcome>) &&>;
  // Regions shall be cut at these keys (region boundaries); `done` hears when they are, or at the
  // deadline how far it came. ResourceExhausted: too many keys wait already. Unavailable: the
  // leadership ended.
  void SplitAt(std::vector<std::string> keys, env::Instant deadline, SplitCallback done);

  // The leadership ended: whoever waits gets `reason`.
  void Close(const absl::Status& reason);

  // Tells the region's leader what its operator wants now, if its stream is open.
  void Push(const RegionInfo& region);

 private:
  struct SplitWait {
    std::vector<std::string> keys;
    env::Instant deadline;
    SplitCallback done;
  };

  void Patrol();
  // Answers the split requests that are done or overdue.
  void AnswerSplits();
  SplitOutcome LookAtSplit(const std::vector<std::string>& keys) const;
  void CheckRegion(const ClusterView& view, const RegionInfo& region);
  void BalanceLeadersIfDue();
  void Remind();
  void BuryLostStoresIfDue();
  void AcknowledgeReportsIfDue();
  // False: a step needs a new peer and there is no id yet.
  bool FillPeerIds(Operator& op);
  void RefillPeerIds();

  const ScheduleConfig config_;
  const Parts parts_;
  env::Random random_;
  AllocateIds allocate_ids_;
  BuryStore bury_store_;
  const std::shared_ptr<PeerIdPool> peer_ids_ = std::make_shared<PeerIdPool>();

  RegionId patrolled_;  // The patrol's place.
  AddingByStore adding_;
  std::vector<Operator> found_;
  absl::btree_set<StoreId> lost_;
  SplitBoundaries cuts_;  // All boundaries wanted in this tick.
  env::Instant last_balance_{};
  env::Instant last_burial_{};
  env::Instant last_acknowledgement_{};

  Mutex mutex_;
  SplitBoundaries boundaries_ ABSL_GUARDED_BY(mutex_);
  std::vector<SplitWait> waits_ ABSL_GUARDED_BY(mutex_);
  size_t waiting_keys_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_SCHEDULE_COORDINATOR_H_
