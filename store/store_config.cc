#include "store/store_config.h"

#include "absl/strings/str_cat.h"
#include "common/base/units.h"
#include "common/env/memory_limit.h"
#include "store/memory_budget.h"

namespace flotilla::store {
namespace {

using std::chrono::milliseconds;

void AddAddresses(config::OptionSet& options, StoreConfig& config) {
  options.Add(&config.pd, {"pd", "Addresses of PD members, host:port; some of them are enough."});
  options.Add(&config.listen, {"listen", "Address that clients and stores connect to."});
  options.Add(&config.advertise,
              {"advertise", "Address that PD tells others, if it is not `listen`."});
  options.Add(&config.status_address,
              {"status-address",
               "Address of the HTTP server: /metrics, /status, /config, /health, "
               "/debug/regions. Empty: none."});
  options.Add(&config.data_dir,
              {"data-dir", "Directory of this store's data; created if it does not exist."});
  options.Add(&config.labels, {"labels", "Where the store is, as key=value, for placement."});
}

constexpr char kLeftToBudget[] = " 0: a share of memory.budget.";

// A size of memory that may be left to the budget.
void AddShare(config::OptionSet& options, uint64_t* bytes, const std::string& name,
              const std::string& description, uint64_t least, uint64_t most) {
  options.AddSize(bytes, {name, description + kLeftToBudget}, {0, most});
  options.AddCheck([bytes, name, least]() -> absl::Status {
    if (*bytes == 0 || *bytes >= least) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", *bytes, " bytes are less than ",
                                                   least, "; 0 leaves it to memory.budget"));
  });
}

// REQUIRES: all options that take shares of it are there.
void AddMemory(config::OptionSet& options, StoreConfig& config) {
  options.AddSize(
      &config.memory.budget_bytes,
      {"memory.budget",
       "What this process may take: caches, memtables and queues share it. 0: a quarter "
       "of what the machine has, or its control group allows."},
      {0, 64 * 1024 * kGiB});
  options.AddCheck([&config] { return FitMemory(config, env::MemoryLimitBytes()); });
}

void AddStorage(config::OptionSet& options, StoreConfig& config) {
  options.Add(&config.storage.api_version,
              {"api-version",
               "Form of keys: 2 has keyspaces, 1 is for clients that know only "
               "plain raw keys. The same on all stores, and for ever."},
              {1, 2});
  options.Add(&config.storage.api_version,
              {"storage.api-version", "The same as api-version: where clients' tests read it."},
              {1, 2});
  AddShare(options, &config.storage.block_cache_bytes, "storage.block-cache",
           "Cache of uncompressed blocks of the data engine.", kMiB, 1024 * kGiB);
  AddShare(options, &config.storage.memtable_bytes, "storage.memtable",
           "Writes that the data engine keeps in memory before it flushes them; up to three times "
           "as much with those that are being flushed.",
           64 * kKiB, 4 * kGiB);
  AddShare(options, &config.storage.log_memtable_bytes, "storage.log-memtable",
           "The same of the Raft log's engine; its write-ahead files take up to three times as "
           "much. Less than storage.memtable.",
           64 * kKiB, 4 * kGiB);
  options.AddSize(&config.storage.reserve_bytes,
                  {"storage.reserve",
                   "Space kept for when the disk is full. With less of it free, writes that add "
                   "data are refused; reads, deletions and the work of other leaders go on. 0: "
                   "none."},
                  {0, 1024 * kGiB});
  options.AddSize(&config.storage.max_scan_bytes,
                  {"storage.max-scan",
                   "Keys and values in the answer to one request; a larger one "
                   "is refused, never cut short."},
                  {kMiB, 1 * kGiB});
  options.AddSize(&config.storage.max_message_bytes,
                  {"storage.max-message", "Largest message that is accepted."}, {kMiB, 1 * kGiB});
}

void AddAdmission(config::OptionSet& options, StoreConfig& config) {
  options.Add(&config.admission.max_requests,
              {"admission.max-requests",
               "Requests of clients that may be in flight; more are refused with ServerIsBusy. A "
               "stream has a quarter of it, then it is not read any further.",
               "requests"},
              {64, 10'000'000});
  AddShare(options, &config.admission.max_bytes, "admission.max-bytes",
           "The same of the bytes of requests and their answers.", kMiB, 256 * kGiB);
  options.Add(&config.admission.write_delay,
              {"admission.write-delay",
               "Writes are refused with ServerIsBusy when there are so many that even the fastest "
               "takes longer than this."},
              {milliseconds(5), milliseconds(10'000)});
  options.AddSize(&config.admission.min_write_bytes,
                  {"admission.min-writes",
                   "Writes that may be under way however slow they are, 512 bytes counted for each "
                   "besides keys and values: what a sync of a slow disk should cover."},
                  {64 * kKiB, kGiB});
  options.AddSize(&config.admission.max_write_bytes,
                  {"admission.max-writes", "Writes that may be under way however fast they are."},
                  {64 * kKiB, 16 * kGiB});
  options.AddCheck([&config]() -> absl::Status {
    const uint64_t least = config.admission.min_write_bytes;
    const uint64_t most = config.admission.max_write_bytes;
    if (least <= most) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("admission.min-writes (", least,
                                                   " bytes) must not be more than "
                                                   "admission.max-writes (",
                                                   most, " bytes)"));
  });
}

void AddRaft(config::OptionSet& options, StoreConfig& config) {
  options.Add(&config.raft.tick, {"raft.tick", "Length of a Raft tick."},
              {milliseconds(10), milliseconds(10'000)});
  options.Add(&config.raft.election_ticks,
              {"raft.election-ticks",
               "Ticks without a leader before a follower campaigns: up to "
               "twice as many.",
               "ticks"},
              {3, 1000});
  options.Add(&config.raft.heartbeat_ticks,
              {"raft.heartbeat-ticks", "Ticks between a leader's heartbeats.", "ticks"}, {1, 100});
  options.AddSize(&config.raft.max_entry_bytes,
                  {"raft.max-entry", "Largest log entry, and so the largest write."},
                  {64 * kKiB, 256 * kMiB});
  AddShare(options, &config.raft.entry_cache_bytes, "raft.entry-cache",
           "Recent log entries, for appliers and followers.", 64 * kKiB, 256 * kGiB);
  AddShare(options, &config.raft.max_queue_bytes, "raft.max-queues",
           "Log entries that wait: to be looked at, for the log's disk, to be applied.", kMiB,
           256 * kGiB);
  options.AddSize(&config.raft.max_log_bytes,
                  {"raft.max-log",
                   "Entries of a region that are kept for slow followers; one that "
                   "is further behind gets a snapshot."},
                  {kMiB, 16 * kGiB});
  options.AddSize(&config.raft.max_total_log_bytes,
                  {"raft.max-total-log",
                   "The same of all regions of this store together. What the log "
                   "directory takes at most: docs/log_format.md."},
                  {4 * kMiB, 1024 * kGiB});
  options.Add(&config.raft.max_log_entries,
              {"raft.max-log-entries", "The same by number.", "entries"}, {128, 100'000'000});
  options.Add(&config.raft.workers,
              {"raft.workers", "Threads that run the Raft groups.", "threads"}, {1, 64});
  options.Add(&config.raft.apply_workers,
              {"raft.apply-workers", "Threads that apply committed entries.", "threads"}, {1, 64});
  options.AddCheck([&config]() -> absl::Status {
    if (config.raft.heartbeat_ticks * 2 < config.raft.election_ticks) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "raft.election-ticks (", config.raft.election_ticks,
        ") must be more than twice raft.heartbeat-ticks (", config.raft.heartbeat_ticks, ")"));
  });
}

void AddRegion(config::OptionSet& options, StoreConfig& config) {
  options.AddSize(&config.region.split_bytes,
                  {"region-split-size",
                   "A region that grows beyond one and a half times this is "
                   "split into pieces of this size."},
                  {4 * kKiB, 64 * kGiB});
  options.Add(&config.region.split_keys,
              {"region-split-keys", "The same by the number of keys.", "keys"},
              {2, 1'000'000'000'000});
  options.Add(&config.region.heartbeat_interval,
              {"region-heartbeat-interval",
               "A leader reports to PD at least so often, and on every "
               "change at once."},
              {milliseconds(100), milliseconds(600'000)});
  options.AddSize(&config.snapshot.bytes_per_second,
                  {"snapshot.bytes-per-second", "What this store sends of snapshots in a second."},
                  {64 * kKiB, 64 * kGiB});
  options.AddSize(&config.snapshot.max_bytes,
                  {"snapshot.max-bytes", "What snapshots may take on disk."},
                  {64 * kMiB, 64 * 1024 * kGiB});
}

void AddConsistency(config::OptionSet& options, StoreConfig& config) {
  options.Add(&config.consistency.interval,
              {"consistency-check.interval",
               "A leader compares its replicas with each other about so often, region by "
               "region. 0: never by itself."},
              {milliseconds(0), milliseconds(365LL * 24 * 3'600'000)});
  options.AddSize(&config.consistency.bytes_per_second,
                  {"consistency-check.bytes-per-second",
                   "What this store reads of its replicas in a second to compare them."},
                  {64 * kKiB, 64 * kGiB});
  options.Add(
      &config.consistency.timeout,
      {"consistency-check.timeout", "A replica that has not answered by then was not compared."},
      {milliseconds(1000), milliseconds(3'600'000)});
}

}  // namespace

void AddOptions(config::OptionSet& options, StoreConfig& config) {
  AddAddresses(options, config);
  config::AddConnectionLimits(options, config.server);
  AddShare(options, &config.transport.max_bytes, "server.max-transport",
           "Buffers of all connections; near it reads wait and connections are refused.", kMiB,
           256 * kGiB);
  AddStorage(options, config);
  AddAdmission(options, config);
  AddRaft(options, config);
  AddRegion(options, config);
  AddConsistency(options, config);
  AddMemory(options, config);
  options.Add(&config.log.level, {"log.level", "What is logged."},
              {"trace", "debug", "info", "warning", "error"});
  options.Add(&config.log.file, {"log.file", "File to log to. Empty: standard error."});
  options.AddCheck([&config]() -> absl::Status {
    if (config.pd.empty()) return absl::InvalidArgumentError("pd: at least one address");
    if (config.data_dir.empty()) return absl::InvalidArgumentError("data-dir must not be empty");
    for (const std::string& label : config.labels) {
      if (label.find('=') == std::string::npos) {
        return absl::InvalidArgumentError(absl::StrCat("labels: \"", label, "\" is no key=value"));
      }
    }
    return absl::OkStatus();
  });
}

}  // namespace flotilla::store
