#include "tests/sim/node/pd_node.h"

#include <utility>

#include "common/base/check.h"
#include "pd/founding/founding.h"

namespace flotilla::sim {
namespace {

constexpr char kPdDataDir[] = "pd";

}  // namespace

struct PdNode::Running {
  Running(const PdNode& node, env::Random random)
      : process(node.host(), node.clock_, node.place_.world, node.place_.fabric,
                [&node] { node.place_.network->Mute(node.raft_id(), true); }),
        crash(random.Fork("crash")) {}

  Process process;
  const env::Random crash;
  std::shared_ptr<pd::Founding> founding;
  std::unique_ptr<pd::Replica> replica;
  std::unique_ptr<pd::PdService> service;
  bool has_joined = false;
};

PdNode::PdNode(const Place& place, const PdNodeOptions& options, std::vector<pd::Member> members,
               size_t number, const ClockError& clock)
    : place_(place),
      options_(options),
      members_(members, members[number].name),
      clock_(clock),
      disk_(std::make_unique<Disk>(options.disk)) {}

PdNode::~PdNode() {
  if (IsUp()) Kill();
}

void PdNode::Start(env::Random random) {
  CHECK(!IsUp());
  running_ = std::make_unique<Running>(*this, random);
  Process& process = running_->process;
  disk_->engine.SetFailStop(&process);
  pd::ReplicaDependencies dependencies;
  dependencies.clock = &process.scheduler;
  dependencies.random = random;
  dependencies.scheduler = &process.scheduler;
  dependencies.log_engine = &disk_->log_engine;
  dependencies.kv_engine = &disk_->engine;
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
  StartFounding(random.Fork("founding"));
  place_.fabric->Serve(host(), &process.server);
  place_.network->SetHandler(raft_id(),
                             [replica = running_->replica.get()](net::Envelope envelope) {
                               replica->Step(std::move(envelope));
                             });
}

// As production does, but for directories from before there were records.
void PdNode::StartFounding(env::Random random) {
  Process& process = running_->process;
  CHECK_OK(disk_->files.CreateDir(kPdDataDir));
  pd::Founding::Parts parts;
  parts.members = &members_;
  parts.files = &disk_->files;
  parts.dir = kPdDataDir;
  parts.loop = &process.loop;
  parts.pool = &process.pool;
  auto founding = pd::Founding::Open(std::move(parts), /*holds_data=*/false, random);
  CHECK_OK(founding.status());
  running_->founding = *std::move(founding);
  running_->founding->Bind(process.server);
  running_->founding->Begin([running = running_.get()](absl::Status status) {
    if (!status.ok()) return running->process.OnDiskFailure(status);
    CHECK_OK(running->replica->Join());
    running->has_joined = true;
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
  disk_->Crash(crash);
  place_.network->Mute(raft_id(), false);
}

void PdNode::SetWallSkew(int64_t ms) {
  clock_.wall_skew_ms = ms;
  if (IsUp()) scheduler().SetWallSkew(ms);
}

testing::SimScheduler& PdNode::scheduler() { return running_->process.scheduler; }

const absl::Status& PdNode::death() const { return running_->process.death; }

bool PdNode::HasJoined() const { return running_->has_joined; }

std::unique_ptr<Disk> PdNode::ExchangeDisk(std::unique_ptr<Disk> disk) {
  CHECK(!IsUp());
  return std::exchange(disk_, std::move(disk));
}

pd::Replica& PdNode::replica() { return *running_->replica; }

std::shared_ptr<pd::LeaderState> PdNode::Leading() {
  return IsUp() && death().ok() ? replica().leadership().Current() : nullptr;
}

}  // namespace flotilla::sim
