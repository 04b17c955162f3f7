// Whole clusters under random faults, by seed.
//
// FLOTILLA_SEEDS=N runs N seeds, FLOTILLA_FIRST_SEED=S starts elsewhere.
#include "tests/sim/simulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <iterator>

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

Report RunPlan(const Plan& plan, env::Duration faulty) {
  CHECK_OK(base::SetLogLevel("error"));
  // Where a process stops itself, the last line tells the seed.
  std::cerr << "seed " << plan.seed << "\n";
  return Simulation(plan, faulty).Run();
}

Report RunSeed(uint64_t seed, Profile profile, env::Duration faulty) {
  return RunPlan(Plan::Draw(seed, profile), faulty);
}

TEST(SimulationTest, QuietClusterDoesWhatItIsAsked) {
  const Report report = RunSeed(1, Profile::kQuiet, seconds(20));
  EXPECT_TRUE(report.violations.empty()) << TextOf(report);
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

// Seeds that have broken a promise, before what is said here was fixed. A seed that still fails
// stands in docs/simulation.md as open instead. A change of what processes do may make another run
// of it; then it is one seed like all others.
struct FormerFailure {
  uint64_t seed = 0;
  Profile profile = Profile::kSwarm;
  int seconds = 20;
  int edition = 1;
  std::string_view found;
};

constexpr FormerFailure kFormerFailures[] = {
    {453, Profile::kSwarm, 20, 1, "a soak stopped at it; what it broke is not recorded"},
    {878, Profile::kSwarm, 20, 1, "replicas of a new region differed before its first entry"},
    {11, Profile::kSwarm, 20, 2, "a region waited for a replica on a store that had lost its disk"},
    {40, Profile::kSwarm, 20, 2, "the same"},
    {6636, Profile::kSwarm, 20, 2, "a removed peer stayed: whom it knew was removed before it"},
    {6987, Profile::kSwarm, 20, 2,
     "a region that had waited for PD was split into a hundred at once"},
    {28336, Profile::kSwarm, 20, 2, "a region got a voter on a store without an id"},
    {16224, Profile::kSwarm, 20, 2,
     "a store that stopped while it proposed answered somebody twice"},
};

TEST(SimulationTest, SeedsThatFoundSomethingPass) {
  for (const FormerFailure& failure : kFormerFailures) {
    const Report report = RunPlan(Plan::Draw(failure.seed, failure.profile, failure.edition),
                                  seconds(failure.seconds));
    EXPECT_TRUE(report.violations.empty()) << failure.found << "\n" << TextOf(report);
  }
}

TEST(SimulationTest, PromisesHoldUnderFaults) {
  const uint64_t first = FromEnvironment("FLOTILLA_FIRST_SEED", 1);
  const uint64_t seeds = FromEnvironment("FLOTILLA_SEEDS", 500);
  Summary summary;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    const Report report = RunSeed(seed, Profile::kSwarm, seconds(20));
    summary.Add(report);
    ASSERT_TRUE(report.violations.empty()) << TextOf(report);
  }
  std::cerr << summary.Text();
  // Damage that is read must be found. (By whom it is served is for the workloads to see.)
  if (seeds >= 100) {
    EXPECT_GT(summary.damage_found(), seeds / 50);
  }
  // The faults must not keep the clients from working, or the test shows nothing.
  EXPECT_GT(summary.operations(), 50 * seeds);
  EXPECT_GT(summary.faults(), 5 * seeds);
}

}  // namespace
}  // namespace flotilla::sim
