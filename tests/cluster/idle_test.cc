// A thousand regions that nobody uses cost little.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "common/base/units.h"
#include "common/env/clock.h"
#include "tests/cluster/process_cluster.h"
#include "tests/cluster/process_usage.h"

namespace flotilla::cluster_test {
namespace {

using std::chrono::seconds;

constexpr int kRegions = 1'000;
constexpr double kMaxShareOfACore = 0.10;

TEST(IdleTest, AThousandIdleRegionsCostLessThanATenthOfACoreAndAGibibyteAStore) {
  ProcessCluster cluster("idle");
  const CommandResult up = cluster.Up({"--stores", "3", "--pds", "1"});
  ASSERT_EQ(up.code, 0) << up.output;
  std::vector<std::string> split = {"region", "split"};
  for (int i = 1; i < kRegions; ++i) {
    char key[16];
    std::snprintf(key, sizeof(key), "idle-%04d", i);
    split.push_back(key);
  }
  const CommandResult result = cluster.Run(split);
  ASSERT_EQ(result.code, 0) << result.output;
  ASSERT_TRUE(cluster.AwaitHealthy(seconds(120)));

  const env::SystemClock clock;
  for (const char* name : {"store-1", "store-2", "store-3"}) {
    // What the splits left to do comes to an end: some window of time is quiet.
    double share = 1;
    EXPECT_TRUE(Await(seconds(90),
                      [&] {
                        const auto cpu_before = CpuTimeOf(cluster.PidOf(name));
                        const env::Instant start = clock.Now();
                        const bool cut_short = Await(seconds(5), [] { return false; });
                        share = std::chrono::duration<double>(CpuTimeOf(cluster.PidOf(name)) -
                                                              cpu_before) /
                                std::chrono::duration<double>(clock.Now() - start);
                        return !cut_short && share < kMaxShareOfACore;
                      }))
        << name << " takes " << share << " of a core";
    const uint64_t resident = ResidentBytesOf(cluster.PidOf(name));
    std::cout << name << ": " << share * 100 << " % of a core, " << resident / kMiB << " MiB\n";
    EXPECT_LT(resident, 1 * kGiB) << name;
  }
  EXPECT_EQ(cluster.Down().code, 0);
}

}  // namespace
}  // namespace flotilla::cluster_test
