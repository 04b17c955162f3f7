// Short runs of flotilla-chaos: nothing wrong where nothing may be wrong, and what is wrong is
// found. They need root, /dev/fuse, ip and nft; without, they fail and say what is missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <string>

#include "tests/cluster/shell.h"

namespace flotilla::cluster_test {
namespace {

using ::testing::HasSubstr;

// docs/chaos.md.
constexpr int kClean = 0;
constexpr int kAnomaly = 1;
constexpr int kWrongUsage = 2;

class ChaosTest : public ::testing::Test {
 protected:
  ~ChaosTest() override {
    if (!HasFailure()) std::filesystem::remove_all(evidence_);
  }

  void SetUp() override {
    std::string missing;
    if (geteuid() != 0) missing += " root";
    for (const char* path : {"/dev/fuse", "/usr/bin/setpriv"}) {
      if (!std::filesystem::exists(path)) missing += std::string(" ") + path;
    }
    for (const char* program : {"ip", "nft"}) {
      if (RunShell(std::string("command -v ") + program).code != 0) {
        missing += std::string(" ") + program;
      }
    }
    ASSERT_EQ(missing, "") << "needed for networks and disks of their own; deploy/packages names "
                              "the packages";
  }

  CommandResult Chaos(const std::string& options) const {
    const CommandResult result = RunShell(FLOTILLA_BIN_DIR "/flotilla-chaos --evidence " +
                                          QuoteWord(evidence_) + " " + options + " 2>&1");
    std::cout << result.output;
    return result;
  }

  const std::string evidence_ = ::testing::TempDir() + "flotilla_chaos_" +
                                std::to_string(getpid()) + "_" +
                                ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(ChaosTest, NoAnomalyUnderAllFaults) {
  const CommandResult result = Chaos("--seed 1 --seconds 45 --fault-every 1.5");
  EXPECT_EQ(result.code, kClean) << "evidence in " << evidence_;
  EXPECT_THAT(result.output, HasSubstr("verdict: no anomaly"));
}

// Faults 50 to 52 and 56 of docs/guarantees.md.
TEST_F(ChaosTest, TimestampsGrowThoughTheClocksOfPdJumpByAYear) {
  const CommandResult result = Chaos(
      "--seed 2 --seconds 20 --fault-every 1.5 --stores 3 "
      "--faults clock-year,clock-year-all,clock-hour,clock-strobe");
  EXPECT_EQ(result.code, kClean) << "evidence in " << evidence_;
}

// The reverse test: a cluster that loses what it acknowledged must not pass.
TEST_F(ChaosTest, DisksThatLieAboutSyncsAreFound) {
  const CommandResult result =
      Chaos("--seed 1 --seconds 10 --fault-every 5 --stores 3 --faults power-cut --disks-lie");
  EXPECT_EQ(result.code, kAnomaly);
  // Lost elements, or ids that a PD without a memory gave out again: the report ends at 20.
  EXPECT_THAT(result.output, HasSubstr("WRONG: "));
  for (const char* file : {"schedule.json", "report.txt", "g0000.txt", "store-1/process.log",
                           "store-1/disk.kept/data/IDENTITY"}) {
    EXPECT_TRUE(std::filesystem::exists(evidence_ + "/" + file)) << file;
  }
}

TEST_F(ChaosTest, UnknownFaultsAreNamed) {
  const CommandResult result = Chaos("--faults earthquake");
  EXPECT_EQ(result.code, kWrongUsage);
  EXPECT_THAT(result.output, HasSubstr("earthquake"));
}

}  // namespace
}  // namespace flotilla::cluster_test
