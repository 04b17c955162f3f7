// Golden scenarios: each file of testdata is run and must come out as it stands there. With
// FLOTILLA_REWRITE=1 in the environment the files are written anew: read the difference before
// keeping it.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/raft/scenario/commands.h"
#include "tests/raft/scenario/report.h"
#include "tests/raft/scenario/script.h"
#include "tests/raft/scenario/transcript.h"

namespace flotilla::raft::scenario {
namespace {

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::filesystem::path> ScenarioFiles() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator("testdata")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class GoldenTest : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(GoldenTest, ComesOutAsWritten) {
  const std::string before = ReadFile(GetParam());
  const std::string after = RunToText(ParseScript(before));
  if (std::getenv("FLOTILLA_REWRITE") != nullptr) {
    std::ofstream(GetParam()) << after;
    return;
  }
  EXPECT_EQ(after, before) << "FLOTILLA_REWRITE=1 writes the files anew";
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTest, testing::ValuesIn(ScenarioFiles()),
                         [](const auto& info) { return info.param.stem().string(); });

Script Parse(const std::string& text) { return ParseScript(text); }

TEST(ScriptTest, ReadsArgumentsInputAndExpectedOutput) {
  const Script script = Parse(
      "# a comment\n"
      "add-nodes 3 voters=(1, 2,3) index=10 empty=()\n"
      "some input\n"
      "----\n"
      "expected\n"
      "\n"
      "stabilize\n"
      "----\n"
      "----\n"
      "with a\n"
      "\n"
      "blank line\n"
      "----\n"
      "----\n"
      "\n"
      "status 1\n"
      "----\n");
  ASSERT_EQ(script.directives.size(), 3u);
  const Directive& first = script.directives[0];
  EXPECT_EQ(first.line, 2);
  EXPECT_EQ(first.command, "add-nodes");
  ASSERT_EQ(first.arguments.size(), 4u);
  EXPECT_EQ(first.arguments[0].key, "3");
  EXPECT_TRUE(first.arguments[0].values.empty());
  EXPECT_EQ(first.arguments[1].values, (std::vector<std::string>{"1", "2", "3"}));
  EXPECT_EQ(first.arguments[3].values, (std::vector<std::string>{""}));
  EXPECT_EQ(first.input, "some input\n");
  EXPECT_EQ(first.expected, "expected\n");
  EXPECT_EQ(script.directives[1].expected, "with a\n\nblank line\n");
  EXPECT_EQ(script.directives[2].command, "status");
}

TEST(ScriptTest, AnUnclosedListIsAnError) {
  Scenario scenario([](std::string_view) {});
  const Script script = Parse("add-nodes 3 voters=(1,2\n----\n");
  ASSERT_EQ(script.directives.size(), 1u);
  EXPECT_EQ(scenario.Run(script.directives[0]).status.code(), absl::StatusCode::kInvalidArgument);
}

TEST(ReportTest, OneLineOfJson) {
  Scenario scenario([](std::string_view) {});
  std::string last;
  for (const Directive& directive :
       Parse("add-nodes 2 voters=(1,2) index=10\n----\n\ncampaign 1\n----\n\nstabilize\n----\n\n"
             "propose 1 a\n----\n\nprocess-ready 1\n----\n")
           .directives) {
    last = ReportJson(directive.command, scenario.Run(directive), scenario.environment());
  }
  EXPECT_EQ(last,
            "{\"cmd\":\"process-ready\",\"error\":\"\",\"inflight\":1,\"nodes\":["
            "{\"id\":1,\"term\":1,\"vote\":1,\"commit\":11,\"leader\":1,\"first\":11,\"last\":12,"
            "\"role\":\"Leader\",\"config\":{\"voters\":[1,2],\"outgoing\":[],\"learners\":[],"
            "\"learners_next\":[],\"auto_leave\":false},\"log\":[\"1/11\",\"1/12\"],"
            "\"progress\":{\"1\":{\"match\":12,\"next\":13,\"state\":\"Replicate\"},"
            "\"2\":{\"match\":11,\"next\":13,\"state\":\"Replicate\"}}},"
            "{\"id\":2,\"term\":1,\"vote\":1,\"commit\":11,\"leader\":1,\"first\":11,\"last\":11,"
            "\"role\":\"Follower\",\"config\":{\"voters\":[1,2],\"outgoing\":[],\"learners\":[],"
            "\"learners_next\":[],\"auto_leave\":false},\"log\":[\"1/11\"]}]}");
}

TEST(ReportTest, PureDirectivesAddTheirResult) {
  Scenario scenario([](std::string_view) {});
  auto run = [&scenario](const std::string& text) {
    const Script script = Parse(text);
    const Directive& directive = script.directives.at(0);
    return ReportJson(directive.command, scenario.Run(directive), scenario.environment());
  };
  EXPECT_EQ(run("committed cfg=(1,2,3) idx=(1,2,3)\n----\n"),
            "{\"cmd\":\"committed\",\"error\":\"\",\"inflight\":0,\"nodes\":[],\"index\":2}");
  EXPECT_EQ(run("vote cfg=(1) votes=(n)\n----\n"),
            "{\"cmd\":\"vote\",\"error\":\"\",\"inflight\":0,\"nodes\":[],\"result\":\"Lost\"}");
  EXPECT_EQ(run("simple\nv4\n----\n"),
            "{\"cmd\":\"simple\",\"error\":\"\",\"inflight\":0,\"nodes\":[],\"config\":{\"voters\":"
            "[4],\"outgoing\":[],\"learners\":[],\"learners_next\":[],\"auto_leave\":false}}");
}

}  // namespace
}  // namespace flotilla::raft::scenario
