// One member's copy of the replicated metadata, with everything that it needs to take part: the
// multiraft host with PD's one group, the store in front of it, and the leadership.
//
// The same in production, over RocksDB, threads and gRPC, and in the simulator.
#ifndef FLOTILLA_PD_META_REPLICA_H_
#define FLOTILLA_PD_META_REPLICA_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/env/fail_stop.h"
#include "common/multiraft/host.h"
#include "pd/meta/leadership.h"
#include "pd/meta/member.h"
#include "pd/meta/raft_meta_store.h"

namespace flotilla::pd {

struct ReplicaOptions {
  // The store id is filled in.
  multiraft::HostConfig host;
  ScheduleConfig schedule;
  int64_t tso_window_ms = kTsoWindowMs;
  uint64_t id_reservation = kIdReservation;
};

// All must outlive the replica.
struct ReplicaDependencies {
  const env::Clock* clock = nullptr;
  env::Random random{0};
  env::Scheduler* scheduler = nullptr;
  raftlog::LogEngine* log_engine = nullptr;
  engine::KvEngine* kv_engine = nullptr;
  net::Transport* transport = nullptr;
  metrics::Registry* metrics = nullptr;
  env::FailStop* fail_stop = nullptr;
};

class Replica final : public multiraft::Tenant {
 public:
  // Makes an empty state on the first start; finishes what a crash interrupted on a later one. Its
  // stages run once the scheduler is started. Until Join it votes for nobody, acknowledges nothing
  // and drops what others send. DataLoss: one of the two engines was lost.
  // FailedPrecondition: the state is another set of members'.
  static absl::StatusOr<std::unique_ptr<Replica>> Open(const ReplicaOptions& options,
                                                       ReplicaDependencies dependencies,
                                                       const MemberList* members);
  ~Replica() override;

  // Takes part in Raft. Once; thread-safe.
  absl::Status Join();

  MetaStore& store() { return *store_; }
  Leadership& leadership() { return *leadership_; }

  // A message from another member. Thread-safe.
  void Step(net::Envelope envelope);
  // Messages to that member were probably lost. Thread-safe.
  void ReportUnreachable(StoreId store) { host_->ReportUnreachable(store); }
  // Hands the leadership to the member whose log is most complete, if this one leads; returns at
  // once. Thread-safe.
  void TransferLeadershipAway();
  // What Raft says of the group.
  void Inspect(absl::AnyInvocable<void(absl::StatusOr<multiraft::GroupStatus>) &&> done) {
    host_->Inspect(kMetaGroup, std::move(done));
  }

  // multiraft::Tenant.
  absl::Status GroupNotFound(RegionId region_id) const override;
  absl::Status Busy() const override;
  void OnMessageToUnknownGroup(net::Envelope envelope) override;

 private:
  Replica(const ReplicaOptions& options, ReplicaDependencies dependencies,
          const MemberList* members);

  // Finishes an interrupted installation, or makes the first state.
  absl::Status PrepareState();

  const ReplicaDependencies dependencies_;
  const MemberList* const members_;
  const std::shared_ptr<multiraft::LeaderLease> lease_ = std::make_shared<multiraft::LeaderLease>();
  // Destroyed in reverse: the host, whose threads call the other two, first.
  std::unique_ptr<RaftMetaStore> store_;
  std::unique_ptr<Leadership> leadership_;
  std::unique_ptr<multiraft::Host> host_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_META_REPLICA_H_
