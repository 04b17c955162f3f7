// Clusters of hosts under random faults, by seed: crashes with loss of what was not durable,
// partitions, paused processes, transfers of leadership and changes of membership, while clients
// write and read by every way. The history is checked as it happens; then all heals, and the
// cluster must go on and agree.
//
// FLOTILLA_SEEDS=N runs N seeds a test, FLOTILLA_FIRST_SEED=S starts elsewhere.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "common/base/log.h"
#include "tests/support/kv_client.h"
#include "tests/support/sim_cluster.h"

namespace flotilla::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// What may happen in a run.
struct Swarm {
  bool crashes = false;
  bool partitions = false;
  bool pauses = false;
  bool transfers = false;
  bool membership = false;
  NetworkFaults network;
};

class FaultyRun {
 public:
  explicit FaultyRun(uint64_t seed)
      : random_(env::Random(seed).Fork("faults")),
        options_(Options(seed)),
        cluster_(options_),
        client_process_(&cluster_.world()) {
    swarm_.crashes = random_.Chance(0.7);
    swarm_.partitions = random_.Chance(0.7);
    swarm_.pauses = random_.Chance(0.4);
    swarm_.transfers = random_.Chance(0.5);
    swarm_.membership = options_.stores > 3 && random_.Chance(0.7);
    swarm_.network = {.drop = random_.Chance(0.5) ? 0.1 * random_.Fraction() : 0,
                      .duplicate = random_.Chance(0.5) ? 0.1 * random_.Fraction() : 0,
                      .max_delay = std::chrono::microseconds(random_.Between(50, 30'000))};
    cluster_.network().SetFaults(swarm_.network);
    for (int i = 0; i < 4; ++i) {
      clients_.push_back(std::make_unique<KvClient>(&cluster_, i, env::Random(random_.Next())));
      clients_.back()->SetWaker(client_process_.Add(clients_.back().get()));
    }
    client_process_.Start();
  }

  // The stores answer what still waits while the clients are there to hear it.
  ~FaultyRun() {
    for (int store = 1; store <= cluster_.stores(); ++store) {
      if (cluster_.IsUp(store)) cluster_.Crash(store);
    }
  }

  SimCluster& cluster() { return cluster_; }

  void Safety(int events) {
    for (int i = 0; i < events; ++i) {
      cluster_.world().RunFor(milliseconds(random_.Between(10, 1500)));
      OneEvent();
    }
  }

  // Everything works again: the cluster must make progress and agree.
  void Liveness() {
    for (auto& client : clients_) client->Finish();
    cluster_.network().SetFaults({});
    cluster_.network().Heal();
    for (int store = 1; store <= cluster_.stores(); ++store) {
      if (!cluster_.IsUp(store)) cluster_.Restart(store);
      cluster_.process(store).Resume();
    }
    for (int region = 1; region <= cluster_.regions(); ++region) {
      ASSERT_TRUE(cluster_.Put(region, fmt::format("r{}last", region), fmt::format("l{}", region)))
          << "region " << region << " makes no progress";
      ASSERT_TRUE(cluster_.WaitForEqualApplied(region)) << "region " << region;
      for (int key = 0; key < 4; ++key) ExpectEqual(region, fmt::format("r{}k{}", region, key));
    }
    // Those who waited have heard by now, save who waits without deadline for a lost leader.
    for (const std::string& violation : cluster_.history().violations()) {
      ADD_FAILURE() << violation;
    }
  }

 private:
  static SimClusterOptions Options(uint64_t seed) {
    env::Random random = env::Random(seed).Fork("options");
    SimClusterOptions options;
    options.seed = seed;
    options.stores = random.Chance(0.5) ? 3 : 5;
    options.regions = 1 + static_cast<int>(random.Uniform(3));
    options.host.raft_workers = 1 + static_cast<int>(random.Uniform(2));
    options.host.apply_workers = 1 + static_cast<int>(random.Uniform(2));
    options.host.tick_interval = milliseconds(random.Chance(0.5) ? 100 : 20);
    options.host.max_append_bytes = random.Chance(0.5) ? 1 << 20 : 64;
    options.host.max_inflight_messages = random.Chance(0.5) ? 256 : 3;
    options.host.max_merged_bytes = random.Chance(0.5) ? 256 << 10 : 50;
    options.host.max_log_entries = random.Chance(0.5) ? 100'000 : 30;
    options.host.min_truncated_entries = random.Chance(0.5) ? 128 : 5;
    options.host.truncate_interval = milliseconds(random.Between(100, 2000));
    options.host.entry_cache_bytes = random.Chance(0.5) ? 64 << 20 : 500;
    // The lease is good for clocks that differ by a tenth.
    options.max_drift_ppm = random.Chance(0.5) ? 0 : 45'000;
    options.flush_at_bytes = random.Chance(0.5) ? 64 << 20 : random.Between(100, 5000);
    return options;
  }

  int AnyStore() { return 1 + static_cast<int>(random_.Uniform(cluster_.stores())); }

  void OneEvent() {
    const int store = AnyStore();
    switch (random_.Uniform(7)) {
      case 0:
        if (swarm_.crashes) CrashOrRestart(store);
        break;
      case 1:
        if (swarm_.crashes && !cluster_.IsUp(store)) cluster_.Restart(store);
        break;
      case 2:
        if (swarm_.partitions) Partition(store);
        break;
      case 3:
        cluster_.network().Heal();
        break;
      case 4:
        if (swarm_.pauses) PauseOrResume(store);
        break;
      case 5:
        if (swarm_.transfers) Transfer();
        break;
      default:
        if (swarm_.membership) ChangeMembers();
    }
  }

  void CrashOrRestart(int store) {
    if (!cluster_.IsUp(store)) return cluster_.Restart(store);
    if (random_.Chance(0.1)) {
      for (int i = 1; i <= cluster_.stores(); ++i) {
        if (cluster_.IsUp(i)) cluster_.Crash(i);
      }
      return;
    }
    cluster_.Crash(store);
  }

  void Partition(int store) {
    if (random_.Chance(0.5)) return cluster_.network().Isolate(StoreId(store));
    cluster_.network().Cut(StoreId(store), StoreId(AnyStore()));
  }

  void PauseOrResume(int store) {
    if (!cluster_.IsUp(store)) return;
    if (cluster_.process(store).paused()) {
      cluster_.process(store).Resume();
    } else {
      cluster_.process(store).Pause();
    }
  }

  void Transfer() {
    const int region = 1 + static_cast<int>(random_.Uniform(cluster_.regions()));
    const int leader = cluster_.LeaderOf(region);
    if (leader == 0) return;
    cluster_.store(leader).host().TransferLeadership(
        RegionId(region), PeerOf(RegionId(region), StoreId(AnyStore())), [](absl::Status) {});
  }

  // Members 4 and 5 come as learners, are promoted and demoted, in one step or by joint consensus;
  // 1 to 3 stay voters.
  void ChangeMembers() {
    using Step = raft::ConfChangeStep;
    const int region = 1 + static_cast<int>(random_.Uniform(cluster_.regions()));
    const int leader = cluster_.LeaderOf(region);
    if (leader == 0) return;
    const Step::Type types[] = {Step::Type::kAddVoter, Step::Type::kAddLearner};
    raft::ConfChange change;
    for (int store = 4; store <= 5; ++store) {
      if (random_.Chance(0.5)) {
        change.steps.push_back(
            {types[random_.Uniform(2)], PeerOf(RegionId(region), StoreId(store))});
      }
    }
    if (change.steps.empty()) return;
    multiraft::Proposal proposal;
    proposal.conf_change = change;
    proposal.callback = [](absl::StatusOr<multiraft::Applied>) {};
    cluster_.store(leader).host().Propose(RegionId(region), std::move(proposal));
  }

  void ExpectEqual(int region, const std::string& key) {
    for (int store = 1; store <= cluster_.stores(); ++store) {
      const KvGroupStorage storage = cluster_.store(store).Storage(RegionId(region));
      if (!storage.Load()) continue;
      EXPECT_EQ(storage.Get(key), cluster_.history().Expected(key)) << key << " on store " << store;
    }
  }

  env::Random random_;
  const SimClusterOptions options_;
  SimCluster cluster_;
  SimScheduler client_process_;
  std::vector<std::unique_ptr<KvClient>> clients_;
  Swarm swarm_;
};

TEST(HostFaultsTest, HistoriesAreLinearizableAndTheClusterRecovers) {
  const uint64_t first = FromEnvironment("FLOTILLA_FIRST_SEED", 1);
  const uint64_t seeds = FromEnvironment("FLOTILLA_SEEDS", 60);
  uint64_t writes = 0;
  uint64_t reads = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    FaultyRun run(seed);
    run.Safety(25);
    run.Liveness();
    writes += run.cluster().history().writes();
    reads += run.cluster().history().reads();
    if (::testing::Test::HasFailure()) break;
  }
  RecordProperty("writes", std::to_string(writes));
  RecordProperty("reads", std::to_string(reads));
  // The faults must not keep the clients from working, or the test shows nothing.
  EXPECT_GT(writes, 100 * seeds);
  EXPECT_GT(reads, 100 * seeds);
}

TEST(HostFaultsTest, TheSameSeedGivesTheSameRun) {
  uint64_t steps[2];
  uint64_t writes[2];
  for (int run = 0; run < 2; ++run) {
    FaultyRun faulty(12345);
    faulty.Safety(15);
    steps[run] = faulty.cluster().world().steps();
    writes[run] = faulty.cluster().history().writes();
  }
  EXPECT_EQ(steps[0], steps[1]);
  EXPECT_EQ(writes[0], writes[1]);
}

}  // namespace
}  // namespace flotilla::testing
