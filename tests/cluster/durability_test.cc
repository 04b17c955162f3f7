// Clients write while random processes are killed and started again: no acknowledged write is lost,
// and no key holds what was never written.
//
// FLOTILLA_KILL_ROUNDS sets the number of rounds; FLOTILLA_KILL_SEED the victims.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "common/env/random.h"
#include "tests/cluster/process_cluster.h"
#include "tests/cluster/register_writers.h"

namespace flotilla::cluster_test {
namespace {

using std::chrono::seconds;

constexpr int kKeys = 64;
constexpr int kQuickRounds = 5;

int64_t Variable(const char* name, int64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

TEST(DurabilityTest, NothingAcknowledgedIsLost) {
  const auto seed = static_cast<uint64_t>(
      Variable("FLOTILLA_KILL_SEED", static_cast<int64_t>(env::Random::SystemSeed() >> 1)));
  const int64_t rounds = Variable("FLOTILLA_KILL_ROUNDS", kQuickRounds);
  SCOPED_TRACE("FLOTILLA_KILL_SEED=" + std::to_string(seed));
  env::Random random(seed);
  ProcessCluster cluster("durability");
  const CommandResult up = cluster.Up({"--stores", "3", "--pds", "3"});
  ASSERT_EQ(up.code, 0) << up.output;
  const auto client = cluster.Connect();
  ASSERT_NE(client, nullptr);
  RegisterWriters writers(client.get(), kKeys);
  writers.Start();
  const std::vector<std::string> processes = {"store-1", "store-2", "store-3",
                                              "pd-1",    "pd-2",    "pd-3"};
  for (int64_t round = 0; round < rounds && !::testing::Test::HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const int64_t before = writers.acknowledged();
    ASSERT_TRUE(Await(seconds(30), [&] { return writers.acknowledged() >= before + 200; }))
        << "no progress";
    if (random.Chance(0.2)) {
      for (const std::string& name : processes) cluster.Kill(name);
    } else {
      cluster.Kill(processes[random.Uniform(processes.size())]);
    }
    const CommandResult again = cluster.Up();
    ASSERT_EQ(again.code, 0) << again.output;
  }
  writers.Stop();
  writers.Check();
  std::cout << rounds << " rounds: " << writers.acknowledged() << " writes acknowledged, "
            << writers.undetermined() << " undetermined, " << writers.refused() << " refused\n";
  EXPECT_EQ(cluster.Down().code, 0);
}

}  // namespace
}  // namespace flotilla::cluster_test
