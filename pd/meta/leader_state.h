// Everything that exists on the leader only, for the length of one leadership: made from the stored
// metadata when a term begins, dropped when it ends. Requests hold a reference while they run.
//
// Thread-safe, each part by itself.
#ifndef FLOTILLA_PD_META_LEADER_STATE_H_
#define FLOTILLA_PD_META_LEADER_STATE_H_

#include <atomic>
#include <memory>

#include "common/base/ids.h"
#include "common/env/clock.h"
#include "common/env/random.h"
#include "pd/cluster/check_log.h"
#include "pd/cluster/cluster.h"
#include "pd/cluster/heartbeat_streams.h"
#include "pd/id/id_allocator.h"
#include "pd/schedule/coordinator.h"
#include "pd/schedule/operator_controller.h"
#include "pd/tso/tso_oracle.h"

namespace flotilla::pd {

struct LeaderState {
  LeaderState(Term its_term, const env::Clock* clock, const ScheduleConfig& schedule)
      : term(its_term),
        cluster(clock, schedule.store_down_after),
        operators(clock, schedule.limits) {}

  const Term term;
  ClusterId cluster_id;
  // Set once the cluster is bootstrapped; before it there are no stores and no regions.
  std::atomic<bool> bootstrapped{false};
  Cluster cluster;
  OperatorController operators;
  CheckLog checks;
  HeartbeatStreams streams;
  // Made after the state itself, whose weak reference their callbacks hold.
  std::unique_ptr<TsoOracle> tso;
  std::unique_ptr<IdAllocator> ids;
  std::unique_ptr<Coordinator> coordinator;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_META_LEADER_STATE_H_
