#include "tests/sim/cluster.h"

#include <spdlog/fmt/fmt.h>

#include <utility>

#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace flotilla::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kMostNotes = 100'000;
constexpr int kStartAttempts = 20;

std::vector<pd::Member> MembersOf(const Plan& plan) {
  std::vector<pd::Member> members;
  for (int i = 1; i <= plan.pd_members; ++i) {
    const std::string name = fmt::format("pd{}", i);
    members.push_back({name, name + ":2379", pd::MemberId(name)});
  }
  return members;
}

}  // namespace

Cluster::Cluster(const Plan& plan, const TraceFilter& trace)
    : plan_(plan),
      random_(env::Random(plan.seed).Fork("cluster")),
      world_(plan.seed),
      network_process_(&world_),
      network_(&network_process_, env::Random(plan.seed).Fork("network")),
      fabric_(&network_process_, env::Random(plan.seed).Fork("fabric")),
      trace_(trace, [this](std::string line) { Note(std::move(line)); }),
      atlas_(plan.pd.replica.schedule.replica.max_replicas) {
  SetTaps();
  network_.SetWaker(network_process_.Add(&network_));
  fabric_.SetWaker(network_process_.Add(&fabric_));
  network_process_.Start();
  const std::vector<pd::Member> members = MembersOf(plan_);
  std::vector<std::string> pd_addresses;
  for (const pd::Member& member : members) pd_addresses.push_back(member.address);
  for (size_t i = 0; i < members.size(); ++i) {
    pd_.push_back(std::make_unique<PdNode>(PdNode::Place{&world_, &fabric_, &network_}, plan_.pd,
                                           members, i, DrawClock()));
  }
  StoreNodeOptions store = plan_.store;
  store.pd = pd_addresses;
  for (int i = 1; i <= plan_.stores; ++i) {
    stores_.push_back(std::make_unique<StoreNode>(
        StoreNode::Place{&world_, &fabric_, &network_, &promises_, &logs_}, store,
        fmt::format("store{}", i), DrawClock()));
  }
  ClientNodeOptions client = plan_.client;
  client.library.pd_addresses = pd_addresses;
  for (int i = 1; i <= plan_.clients; ++i) {
    clients_.push_back(std::make_unique<ClientNode>(&world_, &fabric_, fmt::format("client{}", i),
                                                    client, NextRandom()));
  }
}

void Cluster::SetTaps() {
  network_.SetTap([this](const net::Envelope& envelope) {
    promises_.OnSend(envelope);
    logs_.OnSend(envelope);
    trace_.OnRaft(envelope);
  });
  fabric_.SetStreamTap(
      [this](const Endpoint& from, const Endpoint& to, const google::protobuf::Message& message) {
        if (message.GetDescriptor() == pdpb::RegionHeartbeatRequest::descriptor()) {
          regions_.OnHeartbeat(static_cast<const pdpb::RegionHeartbeatRequest&>(message));
        }
        trace_.OnRpc(from.host, to.host, "", nullptr, &message);
      });
  fabric_.SetCallTap([this](const Endpoint& from, const Endpoint& to, const std::string& method,
                            const absl::Status* status, const google::protobuf::Message* message) {
    trace_.OnRpc(from.host, to.host, method, status, message);
  });
  fabric_.SetLeakListener([this](const std::string& method) {
    violations_.Add("resources: a request is given up without an answer: " + method);
  });
}

// The stores answer what still waits while the clients are there to hear it.
Cluster::~Cluster() {
  stores_.clear();
  pd_.clear();
  clients_.clear();
}

ClockError Cluster::DrawClock() {
  ClockError error;
  if (plan_.max_drift_ppm > 0) {
    error.drift_ppm =
        static_cast<int64_t>(random_.Uniform(static_cast<uint64_t>(2 * plan_.max_drift_ppm + 1))) -
        plan_.max_drift_ppm;
  }
  if (plan_.max_wall_skew_ms > 0 && random_.Chance(0.5)) {
    error.wall_skew_ms = static_cast<int64_t>(random_.Uniform(
                             static_cast<uint64_t>(2 * plan_.max_wall_skew_ms + 1))) -
                         plan_.max_wall_skew_ms;
  }
  return error;
}

absl::Status Cluster::Start() {
  for (auto& member : pd_) StartPd(*member);
  if (!world_.RunUntil([&] { return PdLeader() != nullptr; }, seconds(30))) {
    return absl::DeadlineExceededError("PD elects no leader");
  }
  for (auto& node : stores_) RETURN_IF_ERROR(StartStore(*node));
  for (auto& node : clients_) RETURN_IF_ERROR(node->Connect());
  return absl::OkStatus();
}

void Cluster::BeginFaults() {
  network_.SetFaults(plan_.network);
  fabric_.SetFaults(plan_.fabric);
}

absl::Status Cluster::StartStore(StoreNode& node) {
  absl::Status status = node.Start(NextRandom());
  if (!status.ok()) OnDeath(node, status);
  return status;
}

void Cluster::OnDeath(StoreNode& node, const absl::Status& why) {
  if (!absl::IsDataLoss(why)) return;
  if (node.IsDamaged()) {
    ++damage_found_;
    Wipe(node);
  } else {
    violations_.Add(node.host() + " found damage that nobody made: " + why.ToString());
  }
}

void Cluster::Wipe(StoreNode& node) {
  if (node.IsUp()) node.Kill(testing::CrashMoment::kBetweenSteps);
  atlas_.OnLost(node.id());
  const std::string former = node.host();
  const StoreId id = node.id();
  node.Wipe();
  Note(fmt::format("all that {} (store {}) had is gone; {} takes its place", former, id,
                   node.host()));
}

absl::Status Cluster::HealAll() {
  HealLinks();
  network_.SetFaults({});
  fabric_.SetFaults({});
  BuryTheDead();
  for (auto& node : stores_) {
    if (node->IsDamaged()) Wipe(*node);
  }
  for (auto& node : pd_) {
    node->disk().Heal();
    if (!node->IsUp()) StartPd(*node);
    node->scheduler().Resume();
    for (const std::string_view stage : node->scheduler().StageNames()) {
      node->scheduler().HoldStage(stage, false);
    }
  }
  for (auto& node : stores_) {
    node->disk().Heal();
    if (!node->IsUp()) continue;
    node->scheduler().Resume();
    for (const std::string_view stage : node->scheduler().StageNames()) {
      node->scheduler().HoldStage(stage, false);
    }
  }
  for (auto& node : stores_) {
    absl::Status status;
    for (int attempt = 0; attempt < kStartAttempts && !node->IsUp(); ++attempt) {
      status = StartStore(*node);
      if (!status.ok()) world_.RunFor(seconds(1));
    }
    RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

PdNode* Cluster::PdLeader() {
  for (auto& node : pd_) {
    if (node->Leading() != nullptr) return node.get();
  }
  return nullptr;
}

StoreNode* Cluster::StoreOf(StoreId id) {
  for (auto& node : stores_) {
    if (node->IsUp() && node->id() == id) return node.get();
  }
  return nullptr;
}

std::vector<store::RegionViewPtr> Cluster::Led() {
  std::map<std::string, store::RegionViewPtr> led;
  for (auto& node : stores_) {
    if (!node->IsServing()) continue;
    for (const store::RegionViewPtr& view : node->core().index().All()) {
      if (view->peer->leader.load() != view->self.id()) continue;
      store::RegionViewPtr& known = led[view->region.range().start];
      if (known == nullptr || known->region.version() < view->region.version()) known = view;
    }
  }
  std::vector<store::RegionViewPtr> views;
  for (const auto& [start, view] : led) views.push_back(view);
  return views;
}

StoreId Cluster::RaftIdOf(const std::string& host) const {
  for (const auto& node : pd_) {
    if (node->host() == host) return node->raft_id();
  }
  for (const auto& node : stores_) {
    if (node->host() == host) return node->id();
  }
  return StoreId();
}

void Cluster::BuryTheDead() {
  for (auto& node : pd_) {
    if (!node->IsUp() || node->death().ok()) continue;
    Note(fmt::format("{} has stopped itself: {}", node->host(), node->death().ToString()));
    node->Kill();
  }
  for (auto& node : stores_) {
    if (!node->IsUp() || node->death().ok()) continue;
    const absl::Status why = node->death();
    Note(fmt::format("{} has stopped itself: {}", node->host(), why.ToString()));
    node->Kill(testing::CrashMoment::kBetweenSteps);
    OnDeath(*node, why);
  }
}

void Cluster::Cut(const std::string& from, const std::string& to) {
  fabric_.Cut(from, to);
  const StoreId a = RaftIdOf(from);
  const StoreId b = RaftIdOf(to);
  if (a != StoreId() && b != StoreId()) network_.Cut(a, b);
}

void Cluster::Isolate(const std::string& host) {
  fabric_.Isolate(host);
  if (const StoreId id = RaftIdOf(host); id != StoreId()) network_.Isolate(id);
}

void Cluster::Heal(const std::string& from, const std::string& to) {
  fabric_.Heal(from, to);
  const StoreId a = RaftIdOf(from);
  const StoreId b = RaftIdOf(to);
  if (a != StoreId() && b != StoreId()) network_.Heal(a, b);
}

void Cluster::HealLinks() {
  network_.Heal();
  fabric_.HealLinks();
}

void Cluster::Note(std::string what) {
  std::string line = fmt::format("{:.6f} {}", env::Seconds(world_.now().time_since_epoch()), what);
  if (listener_) listener_(line);
  if (notes_.size() < kMostNotes) notes_.push_back(std::move(line));
}

}  // namespace flotilla::sim
