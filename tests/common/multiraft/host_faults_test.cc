// Clusters of hosts under random faults, by seed: crashes with loss of what was not durable,
// partitions, paused processes, slow disks, transfers of leadership and changes of membership of
// every kind, while clients write and read by every way. The history is checked as it happens; then
// all heals, and the cluster must go on and agree.
//
// FLOTILLA_SEEDS=N runs N seeds a test, FLOTILLA_FIRST_SEED=S starts elsewhere.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <vector>

#include "common/base/log.h"
#include "common/raft/membership.h"
#include "tests/support/kv_client.h"
#include "tests/support/member_changer.h"
#include "tests/support/nemesis.h"
#include "tests/support/sim_cluster.h"

namespace flotilla::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class FaultyRun {
 public:
  explicit FaultyRun(uint64_t seed)
      : random_(env::Random(seed).Fork("faults")),
        cluster_(Options(seed)),
        client_process_(&cluster_.world()),
        changer_(&cluster_, random_.Chance(0.8) ? 3 : 5, env::Random(random_.Next())),
        nemesis_(&cluster_, FaultMix::Draw(random_), env::Random(random_.Next())) {
    transfers_ = random_.Chance(0.5) ? 0.1 : 0;
    // A region of one voter is on its way to more.
    if (cluster_.options().voters == 1) {
      changes_ = 0.2 + 0.4 * random_.Fraction();
    } else if (random_.Chance(0.6)) {
      changes_ = 0.5 * random_.Fraction();
    }
    const milliseconds pauses[] = {milliseconds(20), milliseconds(200), seconds(2)};
    const env::Duration max_pause = pauses[random_.Uniform(3)];
    const int clients = 1 + static_cast<int>(random_.Uniform(4));
    for (int i = 0; i < clients; ++i) {
      clients_.push_back(
          std::make_unique<KvClient>(&cluster_, i, max_pause, env::Random(random_.Next())));
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
    const uint64_t longest_ms = random_.Chance(0.5) ? 1500 : 300;
    for (int i = 0; i < events && cluster_.history().violations().empty(); ++i) {
      cluster_.world().RunFor(milliseconds(random_.Between(10, longest_ms)));
      const double kind = random_.Fraction();
      if (kind < changes_) {
        changer_.Propose();
      } else if (kind < changes_ + transfers_) {
        Transfer();
      } else {
        nemesis_.Strike();
      }
    }
  }

  // Everything works again: the cluster must make progress and agree.
  void Liveness() {
    for (auto& client : clients_) client->Finish();
    nemesis_.HealAll();
    for (int region = 1; region <= cluster_.regions(); ++region) {
      if (!cluster_.history().violations().empty()) break;
      ASSERT_TRUE(cluster_.Put(region, fmt::format("r{}last", region), fmt::format("l{}", region)))
          << "region " << region << " makes no progress\n"
          << cluster_.Describe(region);
      ASSERT_TRUE(Converges(region)) << "region " << region << "\n" << cluster_.Describe(region);
    }
    for (int store = 1; store <= cluster_.stores(); ++store) cluster_.CheckReplicas(store);
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
    options.stores = 3 + static_cast<int>(random.Uniform(3));
    options.regions = 1 + static_cast<int>(random.Uniform(3));
    options.voters = random.Chance(0.4) ? 3 : 1;
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
    options.flush_at_bytes = random.Chance(0.6) ? 64 << 20 : random.Between(100, 5000);
    return options;
  }

  void Transfer() {
    const int region = 1 + static_cast<int>(random_.Uniform(cluster_.regions()));
    const int leader = cluster_.LeaderOf(region);
    if (leader == 0) return;
    const auto state = cluster_.store(leader).Storage(RegionId(region)).Load();
    if (!state) return;
    const std::vector<PeerId>& voters = state->conf_state.voters;
    cluster_.store(leader).host().TransferLeadership(
        RegionId(region), voters[random_.Uniform(voters.size())], [](absl::Status) {});
  }

  // Has every member of the region a state as far as the leader's?
  bool AllCaughtUp(int region) {
    const int leader = cluster_.LeaderOf(region);
    if (leader == 0 || changer_.LeaveJoint(region)) return false;
    const KvGroupState state = *cluster_.store(leader).Storage(RegionId(region)).Load();
    if (raft::IsJoint(state.conf_state)) return false;
    std::vector<PeerId> members = state.conf_state.voters;
    members.insert(members.end(), state.conf_state.learners.begin(),
                   state.conf_state.learners.end());
    for (const PeerId member : members) {
      const int store = static_cast<int>(StoreOf(member).value());
      const auto other = cluster_.store(store).Storage(RegionId(region)).Load();
      if (!other || other->self != member || other->applied != state.applied) return false;
    }
    return true;
  }

  bool Converges(int region) {
    const env::Instant end = cluster_.world().now() + seconds(120);
    while (cluster_.world().now() < end) {
      if (AllCaughtUp(region)) return true;
      cluster_.world().RunFor(milliseconds(100));
    }
    return false;
  }

  env::Random random_;
  SimCluster cluster_;
  SimScheduler client_process_;
  MemberChanger changer_;
  Nemesis nemesis_;
  std::vector<std::unique_ptr<KvClient>> clients_;
  // Of an event to be a transfer of leadership, a change of membership.
  double transfers_ = 0;
  double changes_ = 0;
};

TEST(HostFaultsTest, HistoriesAreLinearizableAndTheClusterRecovers) {
  const uint64_t first = FromEnvironment("FLOTILLA_FIRST_SEED", 1);
  const uint64_t seeds = FromEnvironment("FLOTILLA_SEEDS", 1000);
  uint64_t writes = 0;
  uint64_t reads = 0;
  uint64_t changes = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    // Where a process stops itself, the last line tells the seed.
    std::cerr << "seed " << seed << "\n";
    FaultyRun run(seed);
    run.Safety(60);
    run.Liveness();
    writes += run.cluster().history().writes();
    reads += run.cluster().history().reads();
    changes += run.cluster().history().members().changes();
    if (::testing::Test::HasFailure()) break;
  }
  std::cerr << writes << " writes, " << reads << " reads, " << changes << " changes of members\n";
  // The faults must not keep the clients from working, or the test shows nothing.
  if (::testing::Test::HasFailure()) return;
  EXPECT_GT(writes, 50 * seeds);
  EXPECT_GT(reads, 50 * seeds);
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
