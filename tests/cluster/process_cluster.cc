#include "tests/cluster/process_cluster.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "common/env/clock.h"

namespace flotilla::cluster_test {
namespace {

using cli::Json;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The first base of a block of ports that nobody uses, from one that depends on this process, so
// that tests side by side do not race for the same ones. All lie below those that the kernel gives
// to outgoing connections: one of them might have a member's port while that member is restarted.
int FreePortBase(cli::PosixProcesses& processes) {
  constexpr int kBlock = 300;
  constexpr int kBlocks = 41;
  for (int attempt = 0; attempt < kBlocks; ++attempt) {
    const int base = 20'000 + ((getpid() + attempt * 7) % kBlocks) * kBlock;
    bool is_free = true;
    for (const int offset : {0, 1, 2, 101, 102, 103, 104, 105, 201, 202, 203, 251, 252, 253}) {
      is_free = is_free && processes.IsPortFree(base + offset);
    }
    if (is_free) return base;
  }
  ADD_FAILURE() << "no free block of ports";
  return 0;
}

std::string FileText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

ProcessCluster::ProcessCluster(const std::string& name)
    : directory_(::testing::TempDir() + "flotilla_" + name + "_" + std::to_string(getpid())) {
  std::filesystem::remove_all(directory_);
  port_base_ = FreePortBase(processes_);
  pd_address_ = "127.0.0.1:" + std::to_string(port_base_);
}

ProcessCluster::~ProcessCluster() {
  for (const char* program : {"flotilla-store", "flotilla-pd"}) {
    for (const cli::RunningProcess& running : processes_.FindByProgram(program)) {
      const bool is_ours = std::any_of(
          running.arguments.begin(), running.arguments.end(),
          [this](const std::string& argument) { return argument.starts_with(directory_ + "/"); });
      if (is_ours) processes_.Signal(running.pid, SIGKILL);
    }
  }
  if (!::testing::Test::HasFailure()) std::filesystem::remove_all(directory_);
}

CommandResult ProcessCluster::Up(const std::vector<std::string>& arguments) {
  std::vector<std::string> line = {
      "up", "--data", directory_, "--port-base", std::to_string(port_base_), "--detach"};
  line.insert(line.end(), arguments.begin(), arguments.end());
  return Run(line);
}

CommandResult ProcessCluster::Down() { return Run({"down", "--data", directory_}); }

CommandResult ProcessCluster::Run(const std::vector<std::string>& arguments,
                                  const std::string& input_file) {
  std::string line = QuoteWord(FLOTILLA_BIN_DIR "/flotilla") + " --pd " + all_pd_addresses();
  for (const std::string& argument : arguments) line += " " + QuoteWord(argument);
  return RunShell(line + " 2>&1 <" + (input_file.empty() ? "/dev/null" : QuoteWord(input_file)));
}

CommandResult RunProgram(const std::string& program, const std::vector<std::string>& arguments) {
  std::string line = "timeout 30 " + QuoteWord(std::string(FLOTILLA_BIN_DIR "/") + program);
  for (const std::string& argument : arguments) line += " " + QuoteWord(argument);
  return RunShell(line + " 2>&1 </dev/null");
}

Json ProcessCluster::RunJson(const std::vector<std::string>& arguments) {
  std::vector<std::string> line = arguments;
  line.push_back("--json");
  const std::string output = Run(line).output;
  // Messages come before the one line of JSON, or not at all.
  const size_t start = output.find('{');
  if (start == output.npos) return Json();
  const auto json = Json::Parse(output.substr(start));
  return json.ok() ? *json : Json();
}

Json ProcessCluster::ClusterFile() const {
  const auto json = Json::Parse(FileText(directory_ + "/cluster.json"));
  return json.ok() ? *json : Json();
}

std::string ProcessCluster::all_pd_addresses() const {
  return pd_address_ + ",127.0.0.1:" + std::to_string(port_base_ + 1) +
         ",127.0.0.1:" + std::to_string(port_base_ + 2);
}

int ProcessCluster::PidOf(const std::string& name) {
  const Json file = ClusterFile();
  const Json* processes = file.Find("processes");
  if (processes == nullptr) return 0;
  for (const Json& process : processes->array()) {
    if (process.Find("name")->string() == name) {
      return static_cast<int>(process.Find("pid")->integer());
    }
  }
  return 0;
}

void ProcessCluster::Signal(const std::string& name, int signal_number) {
  const int pid = PidOf(name);
  ASSERT_GT(pid, 0) << name << " is not running";
  processes_.Signal(pid, signal_number);
}

bool ProcessCluster::IsRunning(const std::string& name) {
  const int pid = PidOf(name);
  return pid > 0 && processes_.IsAlive(pid);
}

void ProcessCluster::Kill(const std::string& name) {
  const int pid = PidOf(name);
  Signal(name, SIGKILL);
  EXPECT_TRUE(Await(seconds(10), [&] { return !processes_.IsAlive(pid); })) << name;
}

std::string ProcessCluster::PdLeader() {
  const Json status = RunJson({"status"});
  const Json* members = status.Find("members");
  if (members == nullptr) return "";
  for (const Json& member : members->array()) {
    if (member.Find("is_leader")->boolean()) return member.Find("name")->string();
  }
  return "";
}

std::string ProcessCluster::NameOf(const std::string& address) {
  const Json file = ClusterFile();
  const Json* processes = file.Find("processes");
  if (processes == nullptr) return "";
  for (const Json& process : processes->array()) {
    if (process.Find("address")->string() == address) return process.Find("name")->string();
  }
  return "";
}

std::string ProcessCluster::StoreLeading(const std::string& key) {
  const Json region = RunJson({"region", "key", key});
  const Json* leader = region.Find("leader_store");
  const Json store_list = RunJson({"store", "list"});
  if (leader == nullptr || store_list.Find("stores") == nullptr) return "";
  for (const Json& store : store_list.Find("stores")->array()) {
    if (store.Find("id")->integer() == leader->integer()) {
      return NameOf(store.Find("address")->string());
    }
  }
  return "";
}

bool ProcessCluster::AwaitHealthy(seconds within) {
  return Await(within, [this] { return Run({"status"}).code == 0; });
}

std::unique_ptr<client::RawClient> ProcessCluster::Connect(client::ClientOptions options) {
  options.pd_addresses.clear();
  for (int i = 0; i < 3; ++i) {
    options.pd_addresses.push_back("127.0.0.1:" + std::to_string(port_base_ + i));
  }
  auto client = client::Connect(options);
  EXPECT_TRUE(client.ok()) << client.status();
  return client.ok() ? *std::move(client) : nullptr;
}

}  // namespace flotilla::cluster_test
