#include "tests/cluster/chaos/schedule.h"

#include <gtest/gtest.h>

#include <set>

namespace flotilla::chaos {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const Targets& SomeTargets() {
  static const Targets* const targets =
      new Targets{{"pd-1", "pd-2", "pd-3"}, {"store-1", "store-2", "store-3", "store-4"}};
  return *targets;
}

Schedule Draw(uint64_t seed) {
  return DrawSchedule(AllFaults(), SomeTargets(), minutes(5), seconds(6), env::Random(seed));
}

TEST(ScheduleTest, TheSameSeedDrawsTheSameStrikes) {
  EXPECT_EQ(ToJson(Draw(1)).Dump(), ToJson(Draw(1)).Dump());
  EXPECT_NE(ToJson(Draw(1)).Dump(), ToJson(Draw(2)).Dump());
}

TEST(ScheduleTest, EachKindHasItsTurn) {
  const Schedule schedule = Draw(3);
  std::set<std::string> kinds;
  for (const Strike& strike : schedule) kinds.insert(strike.fault);
  EXPECT_EQ(kinds.size(), AllFaults().size());
  EXPECT_GT(schedule.size(), 40u);
  EXPECT_LT(schedule.back().at_ms, 300'000);
}

TEST(ScheduleTest, WhatWasWrittenIsReadAgain) {
  const Schedule schedule = Draw(4);
  const auto json = cli::Json::Parse(ToJson(schedule).DumpPretty());
  ASSERT_TRUE(json.ok());
  const auto read = ScheduleFrom(*json, AllFaults(), SomeTargets());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToJson(*read).Dump(), ToJson(schedule).Dump());
}

TEST(ScheduleTest, StrikesOfUnknownFaultsAndNodesAreNamed) {
  Schedule schedule = Draw(5);
  schedule.front().fault = "earthquake";
  EXPECT_EQ(ScheduleFrom(ToJson(schedule), AllFaults(), SomeTargets()).status().message(),
            "there is no fault earthquake");
  schedule = {{.at_ms = 1, .for_ms = 2, .fault = "kill", .nodes = {"store-9"}, .value = 0}};
  EXPECT_EQ(ScheduleFrom(ToJson(schedule), AllFaults(), SomeTargets()).status().message(),
            "kill strikes at store-9, which is no node");
}

}  // namespace
}  // namespace flotilla::chaos
