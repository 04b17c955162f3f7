#include "tests/sim/node/pd_node.h"

#include <utility>

#include "common/base/check.h"

namespace flotilla::sim {

struct PdNode::Running {
  Running(const PdNode& node, env::Random random)
      : process(node.host(), node.clock_, node.place_.world, node.place_.fabric,
                [&node] { node.place_.network->Mute(node.raft_id(), true); }),
        crash(random.Fork("crash")) {}

  Process process;
  const env::Random crash;
  std::unique_ptr<pd::Replica> replica;
  std::unique_ptr<pd::PdService> service;
};

PdNode::PdNode(const Place& place, const PdNodeOptions& options, std::vector<pd::Member> members,
               size_t number, const ClockError& clock)
    : place_(place),
      options_(options),
      members_(members, members[number].name),
      clock_(clock),
      disk_(options.disk) {}

PdNode::~PdNode() {
  if (IsUp()) Kill();
}

void PdNode::Start(env::Random random) {
  CHECK(!IsUp());
  running_ = std::make_unique<Running>(*this, random);
  Process& process = running_->process;
  disk_.engine.SetFailStop(&process);
  pd::ReplicaDependencies dependencies;
  dependencies.clock = &process.scheduler;
  dependencies.random = random;
  dependencies.scheduler = &process.scheduler;
  dependencies.log_engine = &disk_.log_engine;
  dependencies.kv_engine = &disk_.engine;
  dependencies.transport = place_.network->TransportOf(raft_id());
  dependencies.metrics = &process.metrics;
  dependencies.fail_stop = &process;
  auto replica = pd::Replica::Open(options_.replica, std::move(dependencies), &members_);
  CHECK_OK(replica.status());
  running_->replica = *std::move(replica);
  pd::PdService::Parts parts;
  parts.clock = &process.scheduler;
  parts.members = &members_;
  parts.leadership = &running_->replica->leadership();
  parts.store = &running_->replica->store();
  parts.metrics = &process.metrics;
  parts.max_replicas = options_.replica.schedule.replica.max_replicas;
  running_->service = std::make_unique<pd::PdService>(parts);
  running_->service->Bind(process.server);
  place_.fabric->Serve(host(), &process.server);
  place_.network->SetHandler(raft_id(),
                             [replica = running_->replica.get()](net::Envelope envelope) {
                               replica->Step(std::move(envelope));
                             });
}

void PdNode::Kill() {
  CHECK(IsUp());
  place_.network->SetHandler(raft_id(), nullptr);
  place_.network->Mute(raft_id(), true);
  running_->process.scheduler.Stop();
  running_->process.loop.Stop();
  // What still waits in the replica is answered into the void, with all that it points to.
  running_->replica.reset();
  const env::Random crash = running_->crash;
  running_.reset();
  disk_.Crash(crash);
  place_.network->Mute(raft_id(), false);
}

void PdNode::SetWallSkew(int64_t ms) {
  clock_.wall_skew_ms = ms;
  if (IsUp()) scheduler().SetWallSkew(ms);
}

testing::SimScheduler& PdNode::scheduler() { return running_->process.scheduler; }

const absl::Status& PdNode::death() const { return running_->process.death; }

pd::Replica& PdNode::replica() { return *running_->replica; }

std::shared_ptr<pd::LeaderState> PdNode::Leading() {
  return IsUp() && death().ok() ? replica().leadership().Current() : nullptr;
}

}  // namespace flotilla::sim
