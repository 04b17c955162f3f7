#include "tests/cluster/chaos/chaos_cluster.h"

#include <signal.h>
#include <spdlog/fmt/fmt.h>

#include <utility>

#include "common/base/status_macros.h"
#include "tests/cluster/await.h"
#include "tests/cluster/shell.h"

namespace flotilla::chaos {
namespace {

using std::chrono::seconds;

constexpr seconds kBirth{60};
// What SIGTERM gives a process to leave in peace.
constexpr seconds kDrain{30};
// From the end of a disk's fault to the end of the process that it hit.
constexpr seconds kDiskFaultEnds{5};

// Small, so that regions split, logs are cut and memtables flushed all the time.
const std::vector<std::string>& StoreFlags() {
  static const std::vector<std::string>* const flags =
      new std::vector<std::string>{"--region-heartbeat-interval=1s",
                                   "--region-split-keys=3000",
                                   "--raft.max-log-entries=1000",
                                   "--storage.block-cache=32MiB",
                                   "--storage.memtable=1MiB",
                                   "--storage.log-memtable=1MiB",
                                   "--raft.max-log=4MiB",
                                   "--raft.max-total-log=16MiB"};
  return *flags;
}

std::string Joined(const Names& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

}  // namespace

ChaosCluster::ChaosCluster(Plan plan, testing::Violations* violations)
    : plan_(std::move(plan)), violations_(violations) {
  for (int i = 1; i <= plan_.pds + plan_.stores; ++i) {
    const bool is_pd = i <= plan_.pds;
    const std::string name =
        is_pd ? fmt::format("pd-{}", i) : fmt::format("store-{}", i - plan_.pds);
    nodes_[name] = std::make_unique<ChaosNode>(ChaosNode::Plan{
        name, i, is_pd, plan_.directory + "/" + name, plan_.programs, plan_.seed + i});
  }
}

Names ChaosCluster::names() const {
  Names names;
  for (const auto& [name, node] : nodes_) names.push_back(name);
  return names;
}

Names ChaosCluster::pd_endpoints() const {
  Names endpoints;
  for (const auto& [name, node] : nodes_) {
    if (node->is_pd()) endpoints.push_back(node->endpoint());
  }
  return endpoints;
}

absl::Status ChaosCluster::Start() {
  RETURN_IF_ERROR(MakeBridge());
  for (const auto& [name, node] : nodes_) RETURN_IF_ERROR(node->SetUp());
  for (const auto& [name, node] : nodes_) RETURN_IF_ERROR(StartNode(*node));
  if (AwaitHealthy(kBirth)) return absl::OkStatus();
  return absl::DeadlineExceededError("the cluster is not healthy: " + StatusText());
}

absl::Status ChaosCluster::StartNode(ChaosNode& node) {
  std::vector<std::string> arguments;
  if (node.is_pd()) {
    Names members;
    for (const auto& [name, other] : nodes_) {
      if (other->is_pd()) members.push_back(name + "=" + other->endpoint());
    }
    arguments = {"--name", node.name(), "--initial-cluster", Joined(members)};
  } else {
    arguments = {"--pd", Joined(pd_endpoints())};
    arguments.insert(arguments.end(), StoreFlags().begin(), StoreFlags().end());
  }
  ++starts_;
  return node.Start(arguments);
}

std::string ChaosCluster::StatusText() const {
  return cluster_test::RunShell(fmt::format("timeout 30 {}/flotilla --pd {} status 2>&1",
                                            cluster_test::QuoteWord(plan_.programs),
                                            Joined(pd_endpoints())))
      .output;
}

bool ChaosCluster::AwaitHealthy(seconds within) {
  const std::string line =
      fmt::format("timeout 30 {}/flotilla --pd {} status >/dev/null 2>&1",
                  cluster_test::QuoteWord(plan_.programs), Joined(pd_endpoints()));
  return cluster_test::Await(within, [&] {
    Tend();
    return cluster_test::RunShell(line).code == 0;
  });
}

void ChaosCluster::Stop() {
  for (const bool pds : {false, true}) {
    for (const auto& [name, node] : nodes_) {
      if (node->is_pd() != pds) continue;
      ++node->held_down;
      node->Signal(SIGTERM);
      std::string how;
      bool well = false;
      const bool ended = cluster_test::Await(kDrain, [&, &node = *node] {
        if (how.empty()) how = node.Reap(&well);
        return !node.is_running();
      });
      if (!ended) violations_->Add(name + " does not end after SIGTERM");
      if (!how.empty() && !well) violations_->Add(fmt::format("{}, told to stop, {}", name, how));
    }
  }
}

absl::Status ChaosCluster::Cut(const std::string& from, const std::string& to) {
  return node(to).wire().Cut(AddressOf(from));
}

absl::Status ChaosCluster::Heal(const std::string& from, const std::string& to) {
  return node(to).wire().Heal(AddressOf(from));
}

std::string ChaosCluster::AddressOf(const std::string& name) {
  return name == "clients" ? kClients : node(name).address();
}

void ChaosCluster::EndDiskFault(ChaosNode& node) {
  --node.may_stop_itself;
  node.may_stop_until = clock_.Now() + kDiskFaultEnds;
}

void ChaosCluster::OnEnd(ChaosNode& node, const std::string& how, bool well) {
  const bool was_told = std::exchange(node.terminating, false);
  if (was_told && well) return;
  if (node.may_stop_itself > 0 || clock_.Now() < node.may_stop_until) {
    ++stopped_themselves_;
  } else {
    node.failed = true;
    violations_->Add(fmt::format("{}{} {}: see {}", node.name(), was_told ? ", told to stop," : "",
                                 how, node.log_file()));
  }
}

void ChaosCluster::Tend() {
  for (const auto& [name, node] : nodes_) {
    bool well = false;
    const std::string how = node->Reap(&well);
    if (!how.empty()) OnEnd(*node, how, well);
    // Who stopped itself because of its disk stays down until the disk is well.
    const bool should_run = node->held_down == 0 && node->may_stop_itself == 0 && !node->failed;
    if (should_run && !node->is_running()) {
      const absl::Status started = StartNode(*node);
      if (!started.ok()) violations_->Add(name + " does not start: " + started.ToString());
    }
  }
  for (const auto& [name, work] : tended_) work();
}

}  // namespace flotilla::chaos
