// Whole clusters under random faults, by seed.
//
// FLOTILLA_SEEDS=N runs N seeds, FLOTILLA_FIRST_SEED=S starts elsewhere.
#include "tests/sim/simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "common/base/check.h"
#include "common/base/log.h"
#include "tests/sim/report_text.h"

namespace flotilla::sim {
namespace {

using std::chrono::seconds;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

Report RunSeed(uint64_t seed, Profile profile, env::Duration faulty) {
  CHECK_OK(base::SetLogLevel("error"));
  // Where a process stops itself, the last line tells the seed.
  std::cerr << "seed " << seed << "\n";
  return Simulation(Plan::Draw(seed, profile), faulty).Run();
}

TEST(SimulationTest, QuietClusterDoesWhatItIsAsked) {
  const Report report = RunSeed(1, Profile::kQuiet, seconds(20));
  EXPECT_TRUE(report.violations.empty()) << TextOf(report, false);
  for (const auto& [name, tally] : report.operations) {
    EXPECT_GT(tally.done, 0u) << name;
    EXPECT_EQ(tally.unknown, 0u) << name;
    EXPECT_EQ(tally.refused, 0u) << name;
  }
}

TEST(SimulationTest, SameSeedGivesTheSameEvents) {
  for (const Profile profile : {Profile::kQuiet, Profile::kSwarm, Profile::kStorm}) {
    const Report first = RunSeed(7, profile, seconds(15));
    const Report again = RunSeed(7, profile, seconds(15));
    EXPECT_EQ(first.hash, again.hash);
    EXPECT_EQ(first.steps, again.steps);
    EXPECT_NE(RunSeed(8, profile, seconds(15)).hash, first.hash);
  }
}

TEST(SimulationTest, PromisesHoldUnderFaults) {
  const uint64_t first = FromEnvironment("FLOTILLA_FIRST_SEED", 1);
  const uint64_t seeds = FromEnvironment("FLOTILLA_SEEDS", 500);
  Summary summary;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    const Report report = RunSeed(seed, Profile::kSwarm, seconds(20));
    summary.Add(report);
    ASSERT_TRUE(report.violations.empty()) << TextOf(report, false);
  }
  std::cerr << summary.Text();
  // The faults must not keep the clients from working, or the test shows nothing.
  EXPECT_GT(summary.operations(), 50 * seeds);
  EXPECT_GT(summary.faults(), 5 * seeds);
}

}  // namespace
}  // namespace flotilla::sim
