#include "tests/sim/plan.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

namespace flotilla::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

template <typename T>
T OneOf(env::Random& random, std::initializer_list<T> values) {
  return values.begin()[random.Uniform(values.size())];
}

void DrawHost(env::Random& random, multiraft::HostConfig& host) {
  host.raft_workers = 1 + static_cast<int>(random.Uniform(2));
  host.apply_workers = 1 + static_cast<int>(random.Uniform(2));
  host.tick_interval = milliseconds(OneOf(random, {100, 100, 50}));
  host.max_append_bytes = OneOf<uint64_t>(random, {1 << 20, 64});
  host.max_inflight_messages = OneOf<uint32_t>(random, {256, 3});
  host.max_merged_bytes = OneOf<uint64_t>(random, {256 << 10, 50});
  host.max_log_entries = OneOf<uint64_t>(random, {100'000, 30, 10});
  host.min_truncated_entries = OneOf<uint64_t>(random, {128, 5});
  host.truncate_interval = milliseconds(random.Between(200, 2000));
  host.entry_cache_bytes = OneOf<uint64_t>(random, {64 << 20, 500});
  host.max_round_read_bytes = OneOf<uint64_t>(random, {2 << 20, 100});
  host.max_log_queue_bytes = OneOf<uint64_t>(random, {64 << 20, 64 << 20, 2000});
  // Lists that clients append to grow, and whole ones are written: a store whose follower is down
  // has to cut its log, or Resources (check/check.cc) will tell.
  host.max_total_log_bytes = 4 << 20;
  // Heartbeats of a dozen groups must fit: they come in one order, and who is the last would be
  // dropped every time.
  host.max_received_bytes = OneOf<uint64_t>(random, {64 << 20, 64 << 20, 20'000});
}

void DrawStore(env::Random& random, StoreNodeOptions& store) {
  DrawHost(random, store.core.host);
  store.core.peer.heartbeat_interval = milliseconds(OneOf(random, {300, 2000, 20'000}));
  store.core.peer.leader_missing_timeout = seconds(random.Between(2, 10));
  store.core.peer.check_after_keys = 2;
  store.core.split.region_keys = OneOf<uint64_t>(random, {7, 20, 960'000});
  // A hundred regions, where PD was away for long and gave no ids meanwhile.
  if (store.core.split.region_keys < 960'000) {
    store.core.host.max_received_bytes =
        std::max<uint64_t>(store.core.host.max_received_bytes, 100'000);
  }
  store.core.kv.max_inline_pairs = OneOf<uint32_t>(random, {64, 1});
  if (random.Chance(0.2)) store.core.in_flight = {.requests = 2, .bytes = 2000};
  if (random.Chance(0.3)) {
    // Hardly anything may be under way: clients hear ServerIsBusy all the time.
    store.core.writes = {.delay = milliseconds(10), .min_bytes = 600, .max_bytes = 1500};
  }
  // Every region is compared all the time, so that what is compared is caught in all states.
  store.core.consistency = {
      .interval = seconds(3), .timeout = seconds(5), .confirm_after = milliseconds(200)};
  store.core.snapshot.registry.root = "snapshot";
  store.disk.flush_at_bytes = random.Chance(0.6) ? 64 << 20 : random.Between(500, 10'000);
}

void DrawPd(env::Random& random, PdNodeOptions& pd) {
  DrawHost(random, pd.replica.host);
  pd.replica.host.tick_interval = milliseconds(100);
  pd.replica.schedule.replica.max_replicas = OneOf<uint32_t>(random, {3, 3, 3, 5, 2});
  pd.replica.id_reservation = OneOf<uint64_t>(random, {pd::kIdReservation, 10, 3});
  pd.replica.tso_window_ms = OneOf<int64_t>(random, {pd::kTsoWindowMs, 600, 150});
  pd.replica.schedule.limits.resend_after = milliseconds(OneOf(random, {500, 2000}));
  pd.replica.schedule.balance_leaders = random.Chance(0.7);
}

void DrawClient(env::Random& random, ClientNodeOptions& node) {
  node.replica_reads = OneOf(random, {0.0, 0.0, 0.1, 0.5});
  client::ClientOptions& client = node.library;
  client.transport = random.Chance(0.7) ? client::Transport::kBatch : client::Transport::kUnary;
  client.request_timeout = milliseconds(OneOf(random, {5000, 1000}));
  client.timeout = milliseconds(OneOf(random, {20'000, 4000}));
  client.batch_keys = OneOf<size_t>(random, {512, 3});
  client.scan_page_rows = OneOf<uint32_t>(random, {1024, 4});
}

void DrawNetwork(env::Random& random, double chance, Plan& plan) {
  if (random.Chance(chance)) {
    plan.network.drop = 0.15 * random.Fraction();
    plan.network.duplicate = 0.1 * random.Fraction();
  }
  if (random.Chance(chance)) plan.network.replay = 0.1 * random.Fraction();
  plan.network.max_delay = std::chrono::microseconds(random.Between(50, 20'000));
  plan.fabric.max_delay = std::chrono::microseconds(random.Between(100, 20'000));
  if (random.Chance(chance / 2)) plan.fabric.reset = 0.003 * random.Fraction();
  plan.fabric.lost_when_healed = random.Fraction();
}

// What a swarm's seed may suffer, and how likely it does.
constexpr std::pair<std::string_view, double> kFaults[] = {
    {"kill-store", 0.8},    {"kill-pd", 0.5},         {"power-loss", 0.2},
    {"isolate", 0.5},       {"cut-one-way", 0.4},     {"bridge", 0.2},
    {"reset", 0.4},         {"pause", 0.4},           {"slow-stage", 0.3},
    {"flush", 0.3},         {"wall-clock", 0.3},      {"move-pd-leader", 0.4},
    {"move-leader", 0.5},   {"truncate-log", 0.3},    {"change-members", 0.4},
    {"full-disk", 0.2},     {"halves", 0.5},          {"move-and-cut", 0.4},
    {"restart-store", 0.3}, {"cut-and-restart", 0.4}, {"stall-pd", 0.3},
    {"fail-sync", 0.4},     {"remove-and-kill", 0.3}, {"remove-under-reads", 0.3},
};

// Of the second edition.
constexpr std::pair<std::string_view, double> kFaults2[] = {{"wipe", 0.4},     {"damage", 0.4},
                                                            {"split", 0.4},    {"swizzle", 0.25},
                                                            {"old-copy", 0.3}, {"empty-pd", 0.2}};

Plan DrawFirstEdition(uint64_t seed, Profile profile) {
  env::Random random = env::Random(seed).Fork("plan");
  Plan plan;
  plan.seed = seed;
  plan.pd_members = OneOf(random, {1, 3, 3, 3, 5});
  plan.stores = 3 + static_cast<int>(random.Uniform(5));
  plan.clients = 1 + static_cast<int>(random.Uniform(6));
  plan.slots = 1 + static_cast<int>(random.Uniform(3));
  plan.keys = random.Between(5, 60);
  plan.max_client_pause = milliseconds(OneOf(random, {20, 100, 500}));
  plan.max_fault_pause = milliseconds(OneOf(random, {300, 1500, 4000}));
  DrawStore(random, plan.store);
  DrawPd(random, plan.pd);
  DrawClient(random, plan.client);
  if (profile == Profile::kQuiet) return plan;
  plan.max_drift_ppm = random.Chance(0.5) ? 0 : 45'000;
  plan.max_wall_skew_ms = random.Chance(0.5) ? 500 : 3'600'000;
  const bool storm = profile == Profile::kStorm;
  DrawNetwork(random, storm ? 1.0 : 0.5, plan);
  for (const auto& [name, chance] : kFaults) {
    if (!random.Chance(storm ? 1.0 : chance)) continue;
    plan.faults.push_back({std::string(name), random.Between(1, 4)});
  }
  return plan;
}

void DrawSecondEdition(env::Random random, Profile profile, Plan& plan) {
  // PD gives stores up that it does not hear of for a while, rightly and wrongly.
  const bool hasty = random.Chance(0.5);
  plan.store.core.heartbeat_interval = hasty ? seconds(1) : seconds(10);
  plan.pd.replica.schedule.store_down_after = hasty ? seconds(4) : seconds(15);
  if (profile == Profile::kQuiet) return;
  const bool storm = profile == Profile::kStorm;
  if (random.Chance(storm ? 0.5 : 0.15)) {
    plan.network.bytes_per_second = random.Between(5'000, 100'000);
    plan.fabric.bytes_per_second = random.Between(5'000, 100'000);
  }
  for (const auto& [name, chance] : kFaults2) {
    if (!random.Chance(storm ? 1.0 : chance)) continue;
    plan.faults.push_back({std::string(name), random.Between(1, 4)});
  }
}

}  // namespace

absl::StatusOr<Profile> ProfileOf(std::string_view name) {
  if (name == "swarm") return Profile::kSwarm;
  if (name == "storm") return Profile::kStorm;
  if (name == "quiet") return Profile::kQuiet;
  return absl::InvalidArgumentError(
      fmt::format("there is no profile {}: take swarm, storm or quiet", name));
}

Plan Plan::Draw(uint64_t seed, Profile profile, int edition) {
  Plan plan = DrawFirstEdition(seed, profile);
  if (edition >= 2) DrawSecondEdition(env::Random(seed).Fork("plan 2"), profile, plan);
  return plan;
}

std::string Plan::Describe() const {
  const multiraft::HostConfig& host = store.core.host;
  const auto ms = [](env::Duration time) {
    return std::chrono::duration_cast<milliseconds>(time).count();
  };
  std::string text = fmt::format(
      "{} PD, {} stores, {} clients of {} operations, {} keys; pauses of clients {} ms, of faults "
      "{} "
      "ms; drift {} ppm, wall clocks {} ms off\n",
      pd_members, stores, clients, slots, keys, ms(max_client_pause), ms(max_fault_pause),
      max_drift_ppm, max_wall_skew_ms);
  text += fmt::format(
      "split at {} keys, {} replicas, stores lost after {} ms, heartbeats {} ms and {} ms; flush "
      "at "
      "{} bytes; in flight {}, writes {} bytes, {} pairs at once; leaders balanced: {}\n",
      store.core.split.region_keys, pd.replica.schedule.replica.max_replicas,
      ms(pd.replica.schedule.store_down_after), ms(store.core.heartbeat_interval),
      ms(store.core.peer.heartbeat_interval), store.disk.flush_at_bytes,
      store.core.in_flight.requests, store.core.writes.max_bytes, store.core.kv.max_inline_pairs,
      pd.replica.schedule.balance_leaders);
  text += fmt::format(
      "raft: {} + {} workers, tick {} ms, appends {} x {} bytes, merged {}, logs of {} entries "
      "less "
      "{} every {} ms, cache {}, reads {}, log queue {}, received {}\n",
      host.raft_workers, host.apply_workers, ms(host.tick_interval), host.max_inflight_messages,
      host.max_append_bytes, host.max_merged_bytes, host.max_log_entries,
      host.min_truncated_entries, ms(host.truncate_interval), host.entry_cache_bytes,
      host.max_round_read_bytes, host.max_log_queue_bytes, host.max_received_bytes);
  text += fmt::format(
      "clients: {}, {} ms a request, {} ms in all, batches of {}, pages of {}, {:.2f} of reads to "
      "any replica\n",
      client.library.transport == client::Transport::kBatch ? "batch streams" : "unary",
      ms(client.library.request_timeout), ms(client.library.timeout), client.library.batch_keys,
      client.library.scan_page_rows, client.replica_reads);
  text += fmt::format(
      "raft messages: drop {:.3f}, double {:.3f}, repeat {:.3f}, delay {} us, {} bytes/s; rpc: "
      "reset {:.4f}, delay {} us, {} bytes/s, held ones lost {:.2f}\nfaults:",
      network.drop, network.duplicate, network.replay, network.max_delay.count() / 1000,
      network.bytes_per_second, fabric.reset, fabric.max_delay.count() / 1000,
      fabric.bytes_per_second, fabric.lost_when_healed);
  for (const WeightedName& fault : faults) text += fmt::format(" {}:{}", fault.name, fault.weight);
  return text + "\n";
}

}  // namespace flotilla::sim
