#include "pd/pd_config.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/units.h"

namespace flotilla::pd {
namespace {

using std::chrono::milliseconds;

void AddAddresses(config::OptionSet& options, PdConfig& config) {
  options.Add(&config.name, {"name",
                             "Name of this member, its own among all members and for ever: "
                             "its id is made of it."});
  options.Add(&config.listen,
              {"listen", "Address that clients, stores and the other members connect to."});
  options.Add(&config.advertise,
              {"advertise", "Address that others are told, if it is not `listen`."});
  options.Add(&config.status_address, {"status-address",
                                       "Address of the HTTP server: /metrics, /status, /health and "
                                       "/pd/api/v1. Empty: none."});
  options.Add(&config.data_dir,
              {"data-dir", "Directory of this member's data; created if it does not exist."});
  options.Add(&config.initial_cluster,
              {"initial-cluster",
               "All members, this one too, as name=host:port: 1, 3 or 5. The "
               "same names at every start. Empty: this member alone."});
}

void AddStorage(config::OptionSet& options, PdConfig& config) {
  options.AddSize(&config.storage.reserve_bytes,
                  {"storage.reserve",
                   "Space kept for when the disk is full: with less of it free this member warns, "
                   "and goes on. 0: none."},
                  {0, 1024 * kGiB});
}

void AddRaft(config::OptionSet& options, PdConfig& config) {
  options.Add(&config.raft.tick, {"raft.tick", "Length of a Raft tick."},
              {milliseconds(10), milliseconds(10'000)});
  options.Add(&config.raft.election_ticks,
              {"raft.election-ticks",
               "Ticks without a leader before a member campaigns: up to twice as many.", "ticks"},
              {3, 1000});
  options.Add(&config.raft.heartbeat_ticks,
              {"raft.heartbeat-ticks", "Ticks between a leader's heartbeats.", "ticks"}, {1, 100});
  options.Add(&config.raft.max_log_entries,
              {"raft.max-log-entries",
               "Entries that are kept for members that are slow; one that is further behind gets "
               "the whole state.",
               "entries"},
              {128, 10'000'000});
  options.AddCheck([&config]() -> absl::Status {
    if (config.raft.heartbeat_ticks * 2 < config.raft.election_ticks) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "raft.election-ticks (", config.raft.election_ticks,
        ") must be more than twice raft.heartbeat-ticks (", config.raft.heartbeat_ticks, ")"));
  });
}

void AddSchedule(config::OptionSet& options, PdConfig& config) {
  options.Add(&config.schedule.max_replicas,
              {"schedule.max-replicas", "Replicas of every region, on as many stores.", "replicas"},
              {1, 9});
  options.Add(
      &config.schedule.max_store_down_time,
      {"schedule.max-store-down-time",
       "Silence after which a store is taken for lost, and its replicas are made elsewhere."},
      {std::chrono::minutes(1), std::chrono::hours(24 * 30)});
  options.Add(&config.schedule.balance_leaders,
              {"schedule.balance-leaders", "Spread the regions' leaders evenly over the stores."});
  options.Add(
      &config.schedule.max_replica_operators,
      {"schedule.max-replica-operators", "Regions whose replicas change at a time.", "regions"},
      {1, 10'000});
  options.Add(
      &config.schedule.max_leader_operators,
      {"schedule.max-leader-operators", "Regions whose leader is moved at a time.", "regions"},
      {1, 10'000});
}

}  // namespace

absl::StatusOr<std::vector<Member>> MembersOf(const PdConfig& config) {
  if (config.initial_cluster.empty()) {
    return std::vector<Member>{{config.name, config.advertised(), MemberId(config.name)}};
  }
  std::vector<Member> members;
  std::set<std::string> names;
  std::set<std::string> addresses;
  bool self_found = false;
  for (const std::string& entry : config.initial_cluster) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0 ||
        entry.find(':', equals) == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("initial-cluster: \"", entry, "\" is not of the form name=host:port"));
    }
    Member member{entry.substr(0, equals), entry.substr(equals + 1), PeerId()};
    member.id = MemberId(member.name);
    if (!names.insert(member.name).second || !addresses.insert(member.address).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("initial-cluster: the name or address of \"", entry, "\" comes twice"));
    }
    if (member.name == config.name) {
      self_found = true;
      if (member.address != config.advertised()) {
        return absl::InvalidArgumentError(absl::StrCat("initial-cluster: member ", config.name,
                                                       " is at ", member.address,
                                                       ", but advertises ", config.advertised()));
      }
    }
    members.push_back(std::move(member));
  }
  if (!self_found) {
    return absl::InvalidArgumentError(
        absl::StrCat("initial-cluster: this member, \"", config.name, "\", is not in it"));
  }
  if (members.size() != 1 && members.size() != 3 && members.size() != 5) {
    return absl::InvalidArgumentError(
        absl::StrCat("initial-cluster: ", members.size(), " members, should be 1, 3 or 5"));
  }
  return members;
}

void AddOptions(config::OptionSet& options, PdConfig& config) {
  AddAddresses(options, config);
  config::AddConnectionLimits(options, config.server);
  AddStorage(options, config);
  AddRaft(options, config);
  AddSchedule(options, config);
  options.Add(&config.log.level, {"log.level", "What is logged."},
              {"trace", "debug", "info", "warning", "error"});
  options.Add(&config.log.file, {"log.file", "File to log to. Empty: standard error."});
  options.AddCheck([&config]() -> absl::Status {
    if (config.name.empty()) return absl::InvalidArgumentError("name must not be empty");
    if (config.data_dir.empty()) return absl::InvalidArgumentError("data-dir must not be empty");
    return MembersOf(config).status();
  });
}

}  // namespace flotilla::pd
