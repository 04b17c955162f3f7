// `flotilla region check` and `flotilla region repair`, and where differences are shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/cli/cli_harness.h"

namespace flotilla::cli {
namespace {

using repair::v1::Comparison;
using testing::CliHarness;
using testing::CliResult;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

repair::v1::CheckRegionResponse Compared(Comparison::Agreement agreement,
                                         std::vector<Comparison::Verdict> verdicts) {
  repair::v1::CheckRegionResponse response;
  Comparison* comparison = response.mutable_comparison();
  comparison->set_agreement(agreement);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    Comparison::Replica* replica = comparison->add_replicas();
    replica->mutable_peer()->set_store_id(i + 1);
    replica->set_verdict(verdicts[i]);
  }
  return response;
}

TEST(RegionCheckTest, EqualReplicas) {
  CliHarness cli;
  const CliResult result = cli.Run({"region", "check", "1"});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_THAT(result.out, HasSubstr("equal"));
  EXPECT_THAT(result.out, HasSubstr("1 region: 1 equal, 0 differ, 0 not"));
  EXPECT_THAT(cli.replicas().calls, ElementsAre("store-1/1"));
}

TEST(RegionCheckTest, AllRegionsAreAskedOfTheirLeaders) {
  CliHarness cli;
  const uint64_t right = cli.cluster().Split("m");
  cli.cluster().TransferLeader(right, 3);
  const Json json = cli.RunJson({"region", "check", "--all"});
  EXPECT_EQ(json.Find("equal")->integer(), 2);
  EXPECT_EQ(json.Find("regions")->array().size(), 2u);
  EXPECT_THAT(cli.replicas().calls, ElementsAre("store-1/1", "store-3/" + std::to_string(right)));
}

TEST(RegionCheckTest, DifferencesEndWithOne) {
  CliHarness cli;
  cli.replicas().answers[1] = Compared(
      Comparison::DIFFERS, {Comparison::AGREES, Comparison::DISAGREES, Comparison::AGREES});
  const CliResult result = cli.Run({"region", "check", "--all"});
  EXPECT_EQ(result.code, ExitCode::kFailed);
  EXPECT_THAT(result.out, HasSubstr("differs"));
  const Json json = cli.RunJson({"region", "check", "1"}, ExitCode::kFailed);
  const Json& replica = json.Find("regions")->array()[0].Find("replicas")->array()[1];
  EXPECT_EQ(replica.Find("store")->integer(), 2);
  EXPECT_EQ(replica.Find("verdict")->string(), "differs");
}

TEST(RegionCheckTest, WhatWasNotComparedIsNotEqual) {
  CliHarness cli;
  cli.replicas().answers[1] = Compared(
      Comparison::INCOMPLETE, {Comparison::AGREES, Comparison::NOT_COMPARED, Comparison::AGREES});
  const Json json = cli.RunJson({"region", "check", "1"}, ExitCode::kUnavailable);
  EXPECT_EQ(json.Find("equal")->integer(), 0);
  EXPECT_EQ(json.Find("not_compared")->integer(), 1);
}

TEST(RegionCheckTest, ALeaderThatMovedIsLookedForAgain) {
  CliHarness cli;
  cli.replicas().errors = {absl::UnavailableError("down"), absl::UnavailableError("down")};
  EXPECT_EQ(cli.Run({"region", "check", "1"}).code, ExitCode::kOk);
  EXPECT_EQ(cli.replicas().calls.size(), 3u);
  repair::v1::CheckRegionResponse refused;
  refused.mutable_region_error()->set_message("not leader");
  cli.replicas().answers[1] = refused;
  const CliResult result = cli.Run({"region", "check", "1", "--wait", "5"});
  EXPECT_EQ(result.code, ExitCode::kUnavailable);
  EXPECT_THAT(result.out, HasSubstr("not leader"));
}

TEST(RegionCheckTest, Usage) {
  CliHarness cli;
  EXPECT_EQ(cli.Run({"region", "check"}).code, ExitCode::kUsage);
  EXPECT_EQ(cli.Run({"region", "check", "1", "--all"}).code, ExitCode::kUsage);
  EXPECT_EQ(cli.Run({"region", "check", "99"}).code, ExitCode::kNotFound);
}

TEST(RegionRepairTest, AReplicaIsMadeAnew) {
  CliHarness cli;
  const CliResult refused = cli.Run({"region", "repair", "1", "--store", "2"});
  EXPECT_EQ(refused.code, ExitCode::kFailed);
  EXPECT_THAT(refused.err, HasSubstr("say --yes"));
  EXPECT_EQ(cli.Run({"region", "repair", "1", "--store", "9", "--yes"}).code, ExitCode::kNotFound);
  EXPECT_EQ(cli.Run({"region", "repair", "99", "--store", "2", "--yes"}).code, ExitCode::kNotFound);
  EXPECT_EQ(cli.Run({"region", "repair", "1"}).code, ExitCode::kUsage);
  EXPECT_THAT(cli.Run({"region", "repair", "1", "--store", "2", "--yes"}).out,
              HasSubstr("the replica of region 1 on store 2 was made anew"));
  const Json json = cli.RunJson({"region", "repair", "1", "--store", "2", "--yes", "--no-wait"});
  EXPECT_FALSE(json.Find("done")->boolean());
  EXPECT_EQ(json.Find("steps")->array().size(), 1u);
}

TEST(RegionCheckTest, DifferencesAreShownWithTheRegion) {
  CliHarness cli;
  repair::v1::RegionCheck check;
  check.set_region_id(1);
  check.set_agreement(Comparison::DIFFERS);
  check.set_has_majority(true);
  *check.add_differing() = cli.cluster().region_of("a").peers(1);
  cli.cluster().AddCheck(check);
  EXPECT_THAT(cli.Run({"region", "list"}).out, HasSubstr("2(differs)"));
  EXPECT_THAT(cli.Run({"region", "show", "1"}).out, HasSubstr("2(differs)"));
  const Json json = cli.RunJson({"region", "show", "1"});
  EXPECT_EQ(json.Find("last_check")->string(), "differs");
  EXPECT_TRUE(json.Find("peers")->array()[1].Find("differs")->boolean());
  const CliResult status = cli.Run({"status"});
  EXPECT_EQ(status.code, ExitCode::kUnhealthy);
  EXPECT_THAT(status.out, HasSubstr("! region 1: the replica on store 2 does not hold"));
}

}  // namespace
}  // namespace flotilla::cli
