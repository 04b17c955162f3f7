// What can be configured of a PD member: one struct with the defaults, and its options.
#ifndef FLOTILLA_PD_PD_CONFIG_H_
#define FLOTILLA_PD_PD_CONFIG_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/config/connection_limits.h"
#include "common/config/option_set.h"
#include "pd/meta/member.h"

namespace flotilla::pd {

struct PdConfig {
  std::string name = "pd";
  std::string listen = "127.0.0.1:2379";
  std::string advertise;  // Empty: `listen`.
  std::string status_address = "127.0.0.1:2381";
  std::string data_dir = "flotilla-pd-data";
  // name=host:port of every member; empty: this one alone.
  std::vector<std::string> initial_cluster;

  config::ConnectionLimits server;

  struct {
    std::chrono::milliseconds tick{100};
    uint32_t election_ticks = 10;
    uint32_t heartbeat_ticks = 3;
    uint64_t max_log_entries = 10'000;
  } raft;

  struct {
    uint32_t max_replicas = 3;
    bool balance_leaders = true;
    std::chrono::milliseconds max_store_down_time = std::chrono::minutes(30);
    uint32_t max_replica_operators = 64;
    uint32_t max_leader_operators = 4;
  } schedule;

  struct {
    uint64_t reserve_bytes = 64ull << 20;
  } storage;

  struct {
    std::string level = "info";
    std::string file;
  } log;

  const std::string& advertised() const { return advertise.empty() ? listen : advertise; }
};

// Declares every option, and the checks of several together. `config` must outlive `options`.
void AddOptions(config::OptionSet& options, PdConfig& config);

// InvalidArgument: a malformed entry, a name or address that comes twice, this member missing or
// under another address, or a number of members other than 1, 3 and 5.
absl::StatusOr<std::vector<Member>> MembersOf(const PdConfig& config);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_PD_CONFIG_H_
