#include "tests/client/cli/cli_harness.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace flotilla::cli::testing {

using client::KeyCodec;

FakeSession::FakeSession(client::testing::FakeCluster* cluster,
                         const client::ClientOptions& options, FakeProbe* probe,
                         FakeReplicaProbe* replicas)
    : options_(options),
      probe_(probe),
      replicas_(replicas),
      pd_(cluster),
      connector_(cluster),
      metrics_(&registry_),
      executor_(&clock_),
      scheduler_(&clock_),
      cache_(&clock_, env::Random(1), client::RegionCache::Options{}),
      jitter_(env::Random(2)),
      locator_(cluster->codec(), &cache_, &pd_, &connector_, &metrics_),
      core_({&clock_, &executor_, &locator_, &jitter_, &metrics_, 42}, options),
      raw_(&core_, &connector_, &registry_),
      admin_(&pd_),
      regions_(&core_, &pd_) {
  executor_.SetWaker(scheduler_.Add(&executor_));
  scheduler_.Start();
}

absl::Status FakeSession::CheckKeyspace() {
  if (options_.api_version == client::ApiVersion::kV1) return absl::OkStatus();
  const auto keyspaces = admin_.Keyspaces();
  for (const auto& keyspace : *keyspaces) {
    if (keyspace.name() == options_.keyspace) return absl::OkStatus();
  }
  return absl::NotFoundError("there is no keyspace " + options_.keyspace);
}

absl::StatusOr<client::RawClient*> FakeSession::raw() {
  if (absl::Status status = CheckKeyspace(); !status.ok()) return status;
  return &raw_;
}

absl::StatusOr<client::RegionAdmin*> FakeSession::regions() {
  if (absl::Status status = CheckKeyspace(); !status.ok()) return status;
  return &regions_;
}

absl::StatusOr<repair::v1::CheckRegionResponse> FakeReplicaProbe::Check(
    const std::string& address, const repair::v1::CheckRegionRequest& request, env::Duration) {
  calls.push_back(address + "/" + std::to_string(request.region_id()));
  if (!errors.empty()) {
    const absl::Status error = errors.front();
    errors.erase(errors.begin());
    return error;
  }
  if (const auto it = answers.find(request.region_id()); it != answers.end()) return it->second;
  repair::v1::CheckRegionResponse response;
  repair::v1::Comparison* comparison = response.mutable_comparison();
  comparison->set_agreement(repair::v1::Comparison::EQUAL);
  comparison->set_has_majority(true);
  comparison->set_at_index(12);
  for (uint64_t store = 1; store <= 3; ++store) {
    repair::v1::Comparison::Replica* replica = comparison->add_replicas();
    replica->mutable_peer()->set_store_id(store);
    replica->set_verdict(repair::v1::Comparison::AGREES);
    replica->set_keys(5);
  }
  return response;
}

absl::StatusOr<int> FakeProcesses::Spawn(const std::vector<std::string>& arguments,
                                         const std::string&) {
  const int pid = next_pid++;
  bool dies = false;
  for (const std::string& argument : arguments) {
    dies = dies || (!dies_at_start.empty() && argument.find(dies_at_start) != argument.npos);
  }
  if (!dies) running[pid] = arguments;
  return pid;
}

void FakeProcesses::Signal(int pid, int signal_number) {
  signals.emplace_back(pid, signal_number);
  if (signal_number == SIGTERM && stubborn.contains(pid)) return;
  running.erase(pid);
}

std::vector<RunningProcess> FakeProcesses::FindByProgram(const std::string& base_name) {
  std::vector<RunningProcess> found;
  for (const auto& [pid, arguments] : running) {
    if (arguments.front().ends_with("/" + base_name)) found.push_back({pid, arguments});
  }
  return found;
}

absl::StatusOr<std::string> FakeProcesses::FindProgram(const std::string& base_name) {
  if (missing_programs.contains(base_name)) {
    return absl::FailedPreconditionError("there is no program " + base_name);
  }
  return "/bin/" + base_name;
}

bool FakeProcesses::Pause(env::Duration wait) {
  clock->Advance(wait);
  return interrupt_after_pauses >= 0 && interrupt_after_pauses-- == 0;
}

CliHarness::CliHarness(KeyCodec codec) : cluster_(codec, 3) { processes_.clock = &clock_; }

CliResult CliHarness::Run(const std::vector<std::string>& arguments, const std::string& input) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const CliEnvironment environment{{in, out, err},
                                   clock_,
                                   [this](const client::ClientOptions& options) {
                                     last_options_ = options;
                                     return std::make_unique<FakeSession>(&cluster_, options,
                                                                          &probe_, &replicas_);
                                   },
                                   processes_,
                                   [this](const std::string& name) -> std::optional<std::string> {
                                     auto it = variables_.find(name);
                                     if (it == variables_.end()) return std::nullopt;
                                     return it->second;
                                   }};
  const ExitCode code = RunCli(arguments, environment);
  return {code, out.str(), err.str()};
}

Json CliHarness::RunJson(std::vector<std::string> arguments, ExitCode expected,
                         const std::string& input) {
  arguments.push_back("--json");
  const CliResult result = Run(arguments, input);
  EXPECT_EQ(result.code, expected) << result.out << result.err;
  const absl::StatusOr<Json> json = Json::Parse(result.out);
  EXPECT_TRUE(json.ok()) << json.status() << ": " << result.out;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 1) << "one line";
  return json.ok() ? *json : Json();
}

}  // namespace flotilla::cli::testing
