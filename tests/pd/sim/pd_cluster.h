// PD's members in one simulated world: virtual time, a faulty network, engines in memory whose
// crash loses what was not durable, and wall clocks that jump.
#ifndef FLOTILLA_TESTS_PD_SIM_PD_CLUSTER_H_
#define FLOTILLA_TESTS_PD_SIM_PD_CLUSTER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "common/raftlog/memory_log_engine.h"
#include "pd/api/cluster_api.h"
#include "pd/api/tso_api.h"
#include "pd/meta/replica.h"
#include "tests/support/fault_network.h"
#include "tests/support/sim_world.h"

namespace flotilla::pd {

// A process' clock whose wall time is off by what the test says.
class SkewedClock final : public env::Clock {
 public:
  explicit SkewedClock(const env::Clock* clock, int64_t skew_ms)
      : clock_(clock), skew_ms_(skew_ms) {}
  env::Instant Now() const override { return clock_->Now(); }
  int64_t WallMillis() const override { return clock_->WallMillis() + skew_ms_; }
  void set_skew_ms(int64_t skew_ms) { skew_ms_ = skew_ms; }

 private:
  const env::Clock* const clock_;
  int64_t skew_ms_;
};

// What a member's process has besides its disks.
struct PdProcess {
  PdProcess(testing::SimWorld* world, int64_t skew_ms)
      : scheduler(world), clock(&scheduler, skew_ms) {}

  testing::SimScheduler scheduler;
  SkewedClock clock;
  metrics::Registry metrics;
  std::unique_ptr<Replica> replica;
  std::unique_ptr<RequestGuard> guard;
  std::unique_ptr<TsoApi> tso;
  std::unique_ptr<ClusterApi> cluster;
};

class PdCluster {
 public:
  PdCluster(uint64_t seed, int members)
      : random_(env::Random(seed).Fork("pd")),
        world_(seed),
        network_process_(&world_),
        network_(&network_process_, random_.Fork("network")) {
    network_.SetWaker(network_process_.Add(&network_));
    network_process_.Start();
    for (int i = 0; i < members; ++i) {
      const std::string name = absl::StrCat("pd", i);
      members_.push_back({name, absl::StrCat("127.0.0.1:", 2379 + i), MemberId(name)});
    }
    for (int i = 0; i < members; ++i) {
      auto node = std::make_unique<Node>();
      node->members = std::make_unique<MemberList>(members_, members_[i].name);
      nodes_.push_back(std::move(node));
      Start(i);
    }
  }
  ~PdCluster() {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (IsUp(i)) Crash(i);
    }
  }

  testing::SimWorld& world() { return world_; }
  testing::FaultNetwork& network() { return network_; }
  env::Random& random() { return random_; }
  size_t size() const { return nodes_.size(); }
  bool IsUp(size_t i) const { return nodes_[i]->process != nullptr; }
  PdProcess& process(size_t i) { return *nodes_[i]->process; }
  StoreId store_id(size_t i) const { return StoreId(members_[i].id.value()); }
  engine::MemoryKvEngine& kv_engine(size_t i) { return nodes_[i]->kv_engine; }

  void Crash(size_t i) {
    Node& node = *nodes_[i];
    network_.SetHandler(store_id(i), nullptr);
    node.process->scheduler.Stop();
    node.process.reset();
    node.kv_engine.Crash();
    node.log_engine.Crash();
  }
  void Start(size_t i) {
    Node& node = *nodes_[i];
    CHECK(node.process == nullptr);
    node.process = std::make_unique<PdProcess>(&world_, node.skew_ms);
    PdProcess& process = *node.process;
    ReplicaOptions options;
    options.host = host_config;
    ReplicaDependencies dependencies;
    dependencies.clock = &process.clock;
    dependencies.random = env::Random(random_.Next());
    dependencies.scheduler = &process.scheduler;
    dependencies.log_engine = &node.log_engine;
    dependencies.kv_engine = &node.kv_engine;
    dependencies.transport = network_.TransportOf(store_id(i));
    dependencies.metrics = &process.metrics;
    auto replica = Replica::Open(options, std::move(dependencies), node.members.get());
    CHECK_OK(replica.status());
    process.replica = *std::move(replica);
    CHECK_OK(process.replica->Join());
    process.guard = std::make_unique<RequestGuard>(&process.replica->leadership());
    process.tso = std::make_unique<TsoApi>(process.guard.get());
    process.cluster =
        std::make_unique<ClusterApi>(process.guard.get(), &process.replica->store(), 3);
    network_.SetHandler(store_id(i), [replica = process.replica.get()](net::Envelope envelope) {
      replica->Step(std::move(envelope));
    });
    process.scheduler.Start();
  }
  // The member's wall clock jumps, and stays so over restarts.
  void SetSkew(size_t i, int64_t skew_ms) {
    nodes_[i]->skew_ms = skew_ms;
    if (IsUp(i)) nodes_[i]->process->clock.set_skew_ms(skew_ms);
  }

  // The member that answers as leader now.
  std::optional<size_t> Leader() {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (IsUp(i) && process(i).replica->leadership().Current() != nullptr) return i;
    }
    return std::nullopt;
  }
  std::optional<size_t> WaitForLeader() {
    world_.RunUntil([this] { return Leader().has_value(); }, std::chrono::seconds(30));
    return Leader();
  }
  uint64_t ClusterId(size_t i) {
    return process(i).replica->store().reader().Cluster()->cluster_id();
  }

  // Asks member `i`, which may refuse or never answer before it is crashed.
  absl::StatusOr<Timestamp> Tso(size_t i, env::Duration patience = std::chrono::seconds(10)) {
    auto call = std::make_shared<TsoCall>();
    call->request.mutable_header()->set_cluster_id(ClusterId(i));
    call->request.set_count(1);
    process(i).tso->Tso(call->request, &call->response,
                        [call](absl::Status status) { call->status = std::move(status); });
    world_.RunUntil([&] { return call->status.has_value(); }, patience);
    if (!call->status.has_value()) return absl::DeadlineExceededError("no answer");
    if (!call->status->ok()) return *call->status;
    return Timestamp{call->response.timestamp().physical(), call->response.timestamp().logical()};
  }
  // The first of `count` ids.
  absl::StatusOr<uint64_t> AllocIds(size_t i, uint32_t count) {
    auto call = std::make_shared<IdCall>();
    call->request.mutable_header()->set_cluster_id(ClusterId(i));
    call->request.set_count(count);
    process(i).cluster->AllocID(call->request, &call->response,
                                [call](absl::Status status) { call->status = std::move(status); });
    world_.RunUntil([&] { return call->status.has_value(); }, std::chrono::seconds(10));
    if (!call->status.has_value()) return absl::DeadlineExceededError("no answer");
    if (!call->status->ok()) return *call->status;
    return call->response.id() - count + 1;
  }

  multiraft::HostConfig host_config;

 private:
  struct Node {
    env::MemoryFileSystem files;
    engine::MemoryKvEngine kv_engine{&files};
    raftlog::MemoryLogEngine log_engine;
    std::unique_ptr<MemberList> members;
    int64_t skew_ms = 0;
    std::unique_ptr<PdProcess> process;
  };
  struct TsoCall {
    pdpb::TsoRequest request;
    pdpb::TsoResponse response;
    std::optional<absl::Status> status;
  };
  struct IdCall {
    pdpb::AllocIDRequest request;
    pdpb::AllocIDResponse response;
    std::optional<absl::Status> status;
  };

  env::Random random_;
  testing::SimWorld world_;
  testing::SimScheduler network_process_;
  testing::FaultNetwork network_;
  std::vector<Member> members_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_TESTS_PD_SIM_PD_CLUSTER_H_
