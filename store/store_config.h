// What can be configured of a store: one struct with the defaults, and its options.
#ifndef FLOTILLA_STORE_STORE_CONFIG_H_
#define FLOTILLA_STORE_STORE_CONFIG_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/config/connection_limits.h"
#include "common/config/option_set.h"

namespace flotilla::store {

struct StoreConfig {
  std::vector<std::string> pd = {"127.0.0.1:2379"};
  std::string listen = "127.0.0.1:20160";
  std::string advertise;  // Empty: `listen`.
  std::string status_address = "127.0.0.1:20180";
  std::string data_dir = "flotilla-store-data";
  std::vector<std::string> labels;

  config::ConnectionLimits server;

  // 0, here and where sizes of memory are set below: left to FitMemory (store/memory_budget.h).
  struct {
    uint64_t budget_bytes = 0;
  } memory;

  struct {
    uint64_t max_bytes = 0;
  } transport;

  struct {
    int api_version = 2;
    uint64_t block_cache_bytes = 0;
    uint64_t memtable_bytes = 0;
    uint64_t log_memtable_bytes = 0;
    uint64_t reserve_bytes = 512ull << 20;
    uint64_t max_scan_bytes = 64ull << 20;
    uint64_t max_message_bytes = 64ull << 20;
  } storage;

  struct {
    size_t max_requests = 100'000;
    uint64_t max_bytes = 0;
    std::chrono::milliseconds write_delay{100};
    uint64_t min_write_bytes = 1 << 20;
    uint64_t max_write_bytes = 64ull << 20;
  } admission;

  struct {
    std::chrono::milliseconds tick{100};
    uint32_t election_ticks = 10;
    uint32_t heartbeat_ticks = 3;
    uint64_t max_entry_bytes = 8ull << 20;
    uint64_t max_log_bytes = 64ull << 20;
    uint64_t entry_cache_bytes = 0;
    uint64_t max_queue_bytes = 0;
    uint64_t max_total_log_bytes = 192ull << 20;
    uint64_t max_log_entries = 100'000;
    int workers = 1;
    int apply_workers = 1;
  } raft;

  struct {
    uint64_t split_bytes = 96ull << 20;
    uint64_t split_keys = 960'000;
    std::chrono::milliseconds heartbeat_interval{60'000};
  } region;

  struct {
    uint64_t bytes_per_second = 100ull << 20;
    uint64_t max_bytes = 64ull << 30;
  } snapshot;

  struct {
    std::chrono::milliseconds interval{24 * 3'600'000};
    uint64_t bytes_per_second = 32ull << 20;
    std::chrono::milliseconds timeout{300'000};
  } consistency;

  struct {
    std::string level = "info";
    std::string file;
  } log;

  const std::string& advertised() const { return advertise.empty() ? listen : advertise; }
};

// Declares the options, which write to `config`; it must outlive the set.
void AddOptions(config::OptionSet& options, StoreConfig& config);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_STORE_CONFIG_H_
