// `flotilla up` and `down`, with processes that are only told of.
#include "client/cli/local_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/client/cli/cli_harness.h"

namespace flotilla::cli {
namespace {

using testing::CliHarness;
using testing::CliResult;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class LocalClusterTest : public ::testing::Test {
 protected:
  LocalClusterTest()
      : directory_(::testing::TempDir() + "local_cluster_" +
                   ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(directory_);
  }
  ~LocalClusterTest() override { std::filesystem::remove_all(directory_); }

  CliResult Up(const std::vector<std::string>& more = {}) {
    std::vector<std::string> line = {"up",          "--data", directory_,
                                     "--port-base", "20000",  "--detach"};
    line.insert(line.end(), more.begin(), more.end());
    return cli_.Run(line);
  }
  CliResult Down() { return cli_.Run({"down", "--data", directory_}); }

  const std::string directory_;
  CliHarness cli_;
};

TEST_F(LocalClusterTest, UpStartsEverythingAndDownStopsIt) {
  const CliResult up = Up();
  ASSERT_EQ(up.code, ExitCode::kOk) << up.err;
  EXPECT_THAT(up.out, HasSubstr("PD is at 127.0.0.1:20000"));
  EXPECT_THAT(cli_.processes().running, SizeIs(6));
  EXPECT_FALSE(cli_.processes().catches) << "it does not stay";
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/cluster.json"));
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/logs"));
  const CliResult down = Down();
  EXPECT_EQ(down.code, ExitCode::kOk);
  EXPECT_THAT(down.out, HasSubstr("store-1 (pid 103) stopped"));
  EXPECT_THAT(cli_.processes().running, IsEmpty());
  // Stores first.
  EXPECT_GE(cli_.processes().signals.front().first, 103);
  EXPECT_EQ(Down().out, "nothing was running\n");
}

TEST_F(LocalClusterTest, CommandsNameDirectoriesPortsAndPd) {
  ASSERT_EQ(Up({"--pds", "1", "--store-flag=--a=1", "--api-version", "1"}).code, ExitCode::kOk);
  const auto stores = cli_.processes().FindByProgram("flotilla-store");
  ASSERT_EQ(stores.size(), 3u);
  EXPECT_THAT(stores[1].arguments, Contains(directory_ + "/store-2"));
  EXPECT_THAT(stores[1].arguments, Contains("127.0.0.1:20102"));
  EXPECT_THAT(stores[1].arguments, Contains("127.0.0.1:20000"));
  EXPECT_THAT(stores[1].arguments, Contains("--a=1"));
}

TEST_F(LocalClusterTest, UpOnTheSameDirectoryBringsTheSameClusterBack) {
  ASSERT_EQ(Up({"--stores", "3", "--pds", "1", "--store-flag=--a=1"}).code, ExitCode::kOk);
  ASSERT_EQ(Down().code, ExitCode::kOk);
  const CliResult again = Up({"--stores", "5", "--pds", "3"});
  EXPECT_EQ(again.code, ExitCode::kOk) << again.err;
  EXPECT_THAT(again.out, HasSubstr("holds a cluster of 1 PD members and 3 stores"));
  EXPECT_THAT(cli_.processes().running, SizeIs(4));
  EXPECT_THAT(cli_.processes().running.rbegin()->second, Contains("--a=1"));
}

TEST_F(LocalClusterTest, UpStartsOnlyWhatIsMissing) {
  ASSERT_EQ(Up().code, ExitCode::kOk);
  cli_.processes().running.erase(104);
  ASSERT_EQ(Up().code, ExitCode::kOk);
  EXPECT_THAT(cli_.processes().running, SizeIs(6));
  EXPECT_THAT(cli_.processes().running.rbegin()->second, Contains(directory_ + "/store-2"));
}

TEST_F(LocalClusterTest, UpRefusesWhatIsInUse) {
  ASSERT_EQ(Up().code, ExitCode::kOk);
  const CliResult twice = Up();
  EXPECT_EQ(twice.code, ExitCode::kFailed);
  EXPECT_THAT(twice.err, HasSubstr("is in use: its cluster is running"));
  EXPECT_THAT(cli_.processes().running, SizeIs(6)) << "and nothing was stopped";
}

TEST_F(LocalClusterTest, UpRefusesATakenPort) {
  cli_.processes().taken_ports.insert(20102);
  const CliResult result = Up();
  EXPECT_EQ(result.code, ExitCode::kFailed);
  EXPECT_THAT(result.err, HasSubstr("port 20102, which store-2 needs, is taken"));
  EXPECT_THAT(cli_.processes().running, IsEmpty());
}

TEST_F(LocalClusterTest, UpRefusesADirectoryOfSomethingElse) {
  std::filesystem::create_directories(directory_);
  std::ofstream(directory_ + "/file") << "x";
  EXPECT_THAT(Up().err, HasSubstr("is not empty and holds no cluster"));
  std::ofstream(directory_ + "/cluster.json") << "{}";
  EXPECT_EQ(Up().code, ExitCode::kMismatch);
}

TEST_F(LocalClusterTest, AMissingProgramIsNamed) {
  cli_.processes().missing_programs.insert("flotilla-store");
  const CliResult result = Up();
  EXPECT_EQ(result.code, ExitCode::kFailed);
  EXPECT_THAT(result.err, HasSubstr("there is no program flotilla-store"));
  EXPECT_THAT(cli_.processes().running, IsEmpty()) << "what was started is stopped again";
}

TEST_F(LocalClusterTest, AProcessThatDiesEndsTheStart) {
  cli_.processes().dies_at_start = "store-3";
  const CliResult result = Up();
  EXPECT_EQ(result.code, ExitCode::kFailed);
  EXPECT_THAT(result.err, HasSubstr("store-3 has ended"));
  EXPECT_THAT(cli_.processes().running, IsEmpty());
}

TEST_F(LocalClusterTest, AClusterThatDoesNotBecomeHealthyIsStopped) {
  cli_.probe().dead.insert("store-2");
  const CliResult result = Up({"--healthy-within", "3"});
  EXPECT_EQ(result.code, ExitCode::kUnavailable);
  EXPECT_THAT(result.err, HasSubstr("not healthy after 3 s: store 2 at store-2 does not answer"));
  EXPECT_THAT(cli_.processes().running, IsEmpty());
}

TEST_F(LocalClusterTest, InTheForegroundAnInterruptStopsAll) {
  cli_.processes().interrupt_after_pauses = 3;
  const CliResult result =
      cli_.Run({"up", "--data", directory_, "--port-base", "20000", "--stores", "3"});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_TRUE(cli_.processes().catches);
  EXPECT_THAT(result.out, HasSubstr("Ctrl-C stops it"));
  EXPECT_THAT(result.out, HasSubstr("pd-1 (pid 100) stopped"));
  EXPECT_THAT(cli_.processes().running, IsEmpty());
}

TEST_F(LocalClusterTest, OnlyWhatDoesNotStopInTimeIsKilledAndSo) {
  ASSERT_EQ(Up().code, ExitCode::kOk);
  cli_.processes().stubborn.insert(104);
  const CliResult result = cli_.Run({"down", "--data", directory_, "--kill-after", "2"});
  EXPECT_EQ(result.code, ExitCode::kFailed);
  EXPECT_THAT(result.out, HasSubstr("store-2 (pid 104) did not stop in time and was killed"));
  EXPECT_THAT(cli_.processes().signals, Contains(Pair(104, SIGKILL)));
  EXPECT_THAT(cli_.processes().signals, ::testing::Not(Contains(Pair(103, SIGKILL))));
}

TEST_F(LocalClusterTest, DownFindsAProcessThatWasStartedByHand) {
  ASSERT_EQ(Up().code, ExitCode::kOk);
  const std::vector<std::string> command = cli_.processes().running[104];
  cli_.processes().running.erase(104);
  cli_.processes().running[999] = command;
  EXPECT_THAT(Down().out, HasSubstr("store-2 (pid 999) stopped"));
  EXPECT_THAT(cli_.processes().running, IsEmpty());
}

TEST_F(LocalClusterTest, DownWithoutAClusterIsNotFound) {
  EXPECT_EQ(Down().code, ExitCode::kNotFound);
}

TEST_F(LocalClusterTest, JsonShapes) {
  const Json up = cli_.RunJson({"up", "--data", directory_, "--detach", "--port-base", "20000"});
  EXPECT_EQ(up.Find("pd")->string(), "127.0.0.1:20000");
  EXPECT_EQ(up.Find("processes")->array().size(), 6u);
  const Json down = cli_.RunJson({"down", "--data", directory_});
  EXPECT_EQ(down.Find("stopped")->array().size(), 6u);
}

}  // namespace
}  // namespace flotilla::cli
