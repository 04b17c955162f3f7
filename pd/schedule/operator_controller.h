// The operators under way: at most one a region, limited by kind, driven by the heartbeats of their
// regions, given up when they time out or when the region changed under them.
//
// Thread-safe: one mutex. RPC threads report heartbeats; the leadership stage adds and expires.
#ifndef FLOTILLA_PD_SCHEDULE_OPERATOR_CONTROLLER_H_
#define FLOTILLA_PD_SCHEDULE_OPERATOR_CONTROLLER_H_

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "pd/schedule/operator.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::pd {

struct OperatorLimits {
  size_t replica = 64;
  size_t leader = 4;
  size_t split = 64;
  // An instruction that brought nothing is repeated after so long.
  env::Duration resend_after = std::chrono::seconds(2);
  // Finished operators that are remembered.
  size_t history = 1000;
};

struct OperatorRecord {
  std::string desc;
  OperatorKind kind = OperatorKind::kReplica;
  RegionId region_id;
  pdpb::OperatorStatus status = pdpb::RUNNING;
  // Why it was given up.
  std::string reason;
};

class OperatorController {
 public:
  OperatorController(const env::Clock* clock, OperatorLimits limits)
      : clock_(clock), limits_(limits) {}

  // Takes the operator over. AlreadyExists: the region has one. ResourceExhausted: too many of its
  // kind are under way.
  absl::Status Add(Operator op);

  // Takes note of what the region's heartbeat shows and answers what its leader should do now;
  // nullopt: nothing, or it was told a moment ago.
  std::optional<pdpb::RegionHeartbeatResponse> OnRegion(const RegionInfo& region);
  // The same without a new report: repeats an instruction that may be lost.
  std::vector<RegionId> RegionsToRemind() const;
  // Gives up what took too long.
  void ExpireOverdue();
  // Gives up what makes a replica on a store that is lost: it would not get there.
  void GiveUpLostTargets(const absl::btree_set<StoreId>& lost);

  bool HasOperator(RegionId region) const;
  bool HasRoom(OperatorKind kind) const;
  size_t running_count() const;
  // Replicas that are being added, by store.
  absl::btree_map<StoreId, int> AddingPeers() const;
  // The operator under way, or the last one that the region had; nullopt: none is remembered.
  std::optional<OperatorRecord> Status(RegionId region) const;
  // Those under way: (description, the present step).
  std::vector<std::pair<OperatorRecord, std::string>> Running() const;

 private:
  struct Run {
    Operator op;
    size_t step = 0;
    env::Instant step_began;
    // When the leader was told last; none: not yet for this step.
    std::optional<env::Instant> told;
  };
  using Runs = absl::btree_map<RegionId, Run>;

  size_t Limit(OperatorKind kind) const;
  // Passes over the steps that are done. False: the operator came to its end and is gone.
  bool AdvanceSteps(Runs::iterator it, const RegionInfo& region)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends those of which `why` has something to say.
  void GiveUp(pdpb::OperatorStatus status, absl::FunctionRef<std::string(const Run&)> why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Finish(Runs::iterator it, pdpb::OperatorStatus status, std::string reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const env::Clock* const clock_;
  const OperatorLimits limits_;
  mutable Mutex mutex_;
  Runs running_ ABSL_GUARDED_BY(mutex_);
  std::array<size_t, 3> running_by_kind_ ABSL_GUARDED_BY(mutex_) = {};
  std::deque<OperatorRecord> history_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_SCHEDULE_OPERATOR_CONTROLLER_H_
