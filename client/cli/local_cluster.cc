#include "client/cli/local_cluster.h"

#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace flotilla::cli {
namespace {

constexpr int kFormat = 1;
constexpr int kStorePorts = 100;
constexpr int kStatusPorts = 200;

std::string FileOf(const std::string& directory) { return directory + "/cluster.json"; }

LocalProcess MakeProcess(const LocalCluster::Plan& plan, LocalProcess::Kind kind, int number) {
  LocalProcess process;
  process.kind = kind;
  const bool is_pd = kind == LocalProcess::Kind::kPd;
  process.name = fmt::format("{}-{}", is_pd ? "pd" : "store", number);
  process.port = plan.port_base + (is_pd ? number - 1 : kStorePorts + number);
  process.status_port = plan.port_base + kStatusPorts + (is_pd ? 50 : 0) + number;
  process.data = plan.directory + "/" + process.name;
  process.log = plan.directory + "/logs/" + process.name + ".log";
  return process;
}

Json FlagsToJson(const std::vector<std::string>& flags) {
  Json list = Json::MakeArray();
  for (const std::string& flag : flags) list.Append(flag);
  return list;
}

std::vector<std::string> FlagsFromJson(const Json* list) {
  std::vector<std::string> flags;
  if (list == nullptr) return flags;
  for (const Json& flag : list->array()) flags.push_back(flag.string());
  return flags;
}

int IntegerOf(const Json& json, std::string_view name) {
  const Json* member = json.Find(name);
  return member == nullptr ? 0 : static_cast<int>(member->integer());
}

}  // namespace

LocalCluster LocalCluster::Make(const Plan& plan) {
  LocalCluster cluster;
  cluster.plan_ = plan;
  for (int i = 1; i <= plan.pds; ++i) {
    cluster.processes_.push_back(MakeProcess(plan, LocalProcess::Kind::kPd, i));
  }
  for (int i = 1; i <= plan.stores; ++i) {
    cluster.processes_.push_back(MakeProcess(plan, LocalProcess::Kind::kStore, i));
  }
  return cluster;
}

absl::StatusOr<LocalCluster> LocalCluster::Load(const std::string& directory) {
  std::ifstream file(FileOf(directory), std::ios::binary);
  if (!file) return absl::NotFoundError(fmt::format("{} holds no cluster", directory));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const absl::StatusOr<Json> json = Json::Parse(text);
  if (!json.ok() || IntegerOf(*json, "format") != kFormat) {
    return absl::DataLossError(
        fmt::format("{} makes no sense: {}", FileOf(directory),
                    json.ok() ? "unknown format" : FromAbsl(json.status().message())));
  }
  Plan plan;
  plan.directory = directory;
  plan.stores = IntegerOf(*json, "stores");
  plan.pds = IntegerOf(*json, "pds");
  plan.port_base = IntegerOf(*json, "port_base");
  plan.api_version = IntegerOf(*json, "api_version");
  plan.pd_flags = FlagsFromJson(json->Find("pd_flags"));
  plan.store_flags = FlagsFromJson(json->Find("store_flags"));
  if (plan.stores < 1 || plan.pds < 1 || plan.port_base < 1) {
    return absl::DataLossError(fmt::format("{} makes no sense: {} stores, {} PD members, port {}",
                                           FileOf(directory), plan.stores, plan.pds,
                                           plan.port_base));
  }
  LocalCluster cluster = Make(plan);
  if (const Json* processes = json->Find("processes")) {
    for (const Json& saved : processes->array()) {
      for (LocalProcess& process : cluster.processes_) {
        const Json* name = saved.Find("name");
        if (name != nullptr && name->string() == process.name)
          process.pid = IntegerOf(saved, "pid");
      }
    }
  }
  return cluster;
}

Json LocalCluster::ToJson() const {
  Json json = Json::MakeObject();
  json.Set("format", kFormat).Set("pd_address", pd_address());
  json.Set("stores", plan_.stores).Set("pds", plan_.pds).Set("port_base", plan_.port_base);
  json.Set("api_version", plan_.api_version);
  json.Set("pd_flags", FlagsToJson(plan_.pd_flags));
  json.Set("store_flags", FlagsToJson(plan_.store_flags));
  Json processes = Json::MakeArray();
  for (const LocalProcess& process : processes_) {
    Json one = Json::MakeObject();
    one.Set("name", process.name).Set("pid", process.pid).Set("address", process.address());
    one.Set("status_address", "127.0.0.1:" + std::to_string(process.status_port));
    one.Set("data", process.data).Set("log", process.log);
    processes.Append(std::move(one));
  }
  return json.Set("processes", std::move(processes));
}

absl::Status LocalCluster::Save() const {
  std::error_code error;
  std::filesystem::create_directories(plan_.directory + "/logs", error);
  if (error) {
    return absl::UnknownError(
        fmt::format("cannot make {}/logs: {}", plan_.directory, error.message()));
  }
  const std::string path = FileOf(plan_.directory);
  const std::string next = path + ".new";
  {
    std::ofstream file(next, std::ios::binary | std::ios::trunc);
    file << ToJson().DumpPretty();
    file.flush();
    if (!file) return absl::UnknownError(fmt::format("cannot write {}", next));
  }
  std::filesystem::rename(next, path, error);
  if (error) return absl::UnknownError(fmt::format("cannot write {}: {}", path, error.message()));
  return absl::OkStatus();
}

std::vector<std::string> LocalCluster::pd_addresses() const {
  std::vector<std::string> addresses;
  for (const LocalProcess& process : processes_) {
    if (process.kind == LocalProcess::Kind::kPd) addresses.push_back(process.address());
  }
  return addresses;
}

std::vector<std::string> LocalCluster::CommandOf(const LocalProcess& process,
                                                 const std::string& program) const {
  const bool is_pd = process.kind == LocalProcess::Kind::kPd;
  std::string members;
  for (const LocalProcess& other : processes_) {
    if (other.kind != LocalProcess::Kind::kPd) continue;
    if (!members.empty()) members += ',';
    members += is_pd ? other.name + "=" + other.address() : other.address();
  }
  std::vector<std::string> command = {program};
  const auto add = [&](const std::string& flag, const std::string& value) {
    command.push_back("--" + flag);
    command.push_back(value);
  };
  add("data-dir", process.data);
  add("listen", process.address());
  add("status-address", "127.0.0.1:" + std::to_string(process.status_port));
  if (is_pd) {
    add("name", process.name);
    add("initial-cluster", members);
  } else {
    add("pd", members);
    add("api-version", std::to_string(plan_.api_version));
  }
  const std::vector<std::string>& more = is_pd ? plan_.pd_flags : plan_.store_flags;
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

void LocalCluster::FindRunning(ProcessControl& control) {
  for (LocalProcess& process : processes_) {
    process.pid = 0;
    for (const RunningProcess& running : control.FindByProgram(process.program())) {
      const auto& arguments = running.arguments;
      const bool is_it =
          std::find(arguments.begin(), arguments.end(), process.data) != arguments.end();
      if (is_it && control.IsAlive(running.pid)) process.pid = running.pid;
    }
  }
}

}  // namespace flotilla::cli
