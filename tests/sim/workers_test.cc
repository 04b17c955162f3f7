#include "tests/sim/workers.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

namespace flotilla::sim {
namespace {

Report ReportOf(uint64_t seed) {
  Report report;
  report.seed = seed;
  report.hash = seed * 1000;
  report.steps = 7;
  report.simulated = std::chrono::seconds(3600);
  report.faults["pause"] = seed;
  report.operations["get"] = {.done = 1, .unknown = 2, .refused = 3};
  return report;
}

TEST(WorkersTest, AReportComesBackAsItWas) {
  const Report sent = ReportOf(5);
  std::string text;
  const auto got = DecodeReport(EncodeReport(sent, "what happened"), text);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(text, "what happened");
  EXPECT_EQ(got->seed, sent.seed);
  EXPECT_EQ(got->hash, sent.hash);
  EXPECT_EQ(got->simulated, sent.simulated);
  EXPECT_EQ(got->faults, sent.faults);
  EXPECT_EQ(got->operations.at("get").refused, 3u);
  EXPECT_TRUE(got->violations.empty());
  EXPECT_FALSE(DecodeReport("short", text).ok());
}

TEST(WorkersTest, TheSummaryIsThatOfOneProcess) {
  Summary alone;
  for (uint64_t seed = 3; seed < 40; ++seed) alone.Add(ReportOf(seed));
  Summary together;
  const auto run = [](uint64_t seed, std::string&) { return ReportOf(seed); };
  EXPECT_TRUE(RunInProcesses({3, 37}, 3, run, together,
                             [](uint64_t seed, const std::string&) { ADD_FAILURE() << seed; }));
  EXPECT_EQ(together.Text(), alone.Text());
}

TEST(WorkersTest, AViolationAndADeathAreTold) {
  for (const bool dies : {false, true}) {
    std::map<uint64_t, std::string> failed;
    const auto run = [dies](uint64_t seed, std::string& text) {
      Report report = ReportOf(seed);
      if (seed != 4) return report;
      if (dies) std::_Exit(9);
      text = "it broke";
      report.violations.emplace_back("x");
      return report;
    };
    Summary summary;
    EXPECT_FALSE(
        RunInProcesses({1, 100'000'000}, 2, run, summary,
                       [&](uint64_t seed, const std::string& text) { failed[seed] = text; }));
    ASSERT_EQ(failed.size(), 1u);
    EXPECT_NE(failed[4].find(dies ? "exit code 9" : "it broke"), std::string::npos) << failed[4];
  }
}

}  // namespace
}  // namespace flotilla::sim
