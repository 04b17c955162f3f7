#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "client/cli/bench/latency_histogram.h"
#include "client/cli/bench/workload.h"
#include "tests/client/cli/cli_harness.h"

namespace flotilla::cli {
namespace {

using testing::CliHarness;
using testing::CliResult;
using ::testing::HasSubstr;

TEST(LatencyHistogramTest, QuantilesAreRightToThreePercent) {
  env::Random random(3);
  LatencyHistogram histogram;
  std::vector<int64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    const auto ns = static_cast<int64_t>(random.Uniform(uint64_t{1} << (4 + random.Uniform(30))));
    values.push_back(ns);
    histogram.Record(env::Duration(ns));
  }
  std::sort(values.begin(), values.end());
  for (const double quantile : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = static_cast<double>(values[static_cast<size_t>(quantile * 20'000) - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.Quantile(quantile).count()), exact,
                exact * 0.032 + 1);
  }
  EXPECT_EQ(histogram.max().count(), values.back());
  EXPECT_EQ(histogram.count(), 20'000u);
}

TEST(LatencyHistogramTest, MergesAndHoldsExtremes) {
  LatencyHistogram one;
  LatencyHistogram other;
  EXPECT_EQ(one.Quantile(0.5).count(), 0);
  one.Record(env::Duration(10));
  other.Record(env::Duration::max());
  other.Record(env::Duration(-5));
  one.Merge(other);
  EXPECT_EQ(one.count(), 3u);
  EXPECT_EQ(one.Quantile(0.0).count(), 0);
  EXPECT_EQ(one.max(), env::Duration::max());
}

TEST(WorkloadTest, SharesAddUp) {
  for (const std::string& name : WorkloadNames()) {
    const Workload workload = *FindWorkload(name);
    EXPECT_EQ(workload.read + workload.update + workload.insert + workload.scan +
                  workload.read_modify_write,
              100)
        << name;
  }
  EXPECT_EQ(FindWorkload("e")->scan, 95);
  EXPECT_FALSE(FindWorkload("g").has_value());
}

TEST(WorkloadTest, OperationsAreDrawnByTheirShares) {
  const Zipfian zipfian(100);
  WorkloadStream stream(*FindWorkload("ycsb-b"), 100, &zipfian, env::Random(1));
  int reads = 0;
  for (int i = 0; i < 10'000; ++i) reads += stream.NextOperation() == BenchOperation::kRead;
  EXPECT_NEAR(reads, 9500, 150);
}

TEST(WorkloadTest, ZipfsLaw) {
  const Zipfian zipfian(1000);
  env::Random random(1);
  std::vector<int> counts(1000);
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) ++counts[zipfian.Draw(random)];
  double zeta = 0;
  for (int i = 1; i <= 1000; ++i) zeta += 1.0 / std::pow(i, Zipfian::kTheta);
  EXPECT_NEAR(counts[0], kDraws / zeta, kDraws / zeta * 0.1);
  EXPECT_GT(counts[0], counts[9] * 7);
  EXPECT_GT(*std::max_element(counts.begin() + 900, counts.end()), 0) << "the tail is reached";
}

TEST(WorkloadTest, LatestFavoursNewKeys) {
  const Zipfian zipfian(100);
  WorkloadStream stream(*FindWorkload("d"), 100, &zipfian, env::Random(1));
  int newest = 0;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t key = stream.NextKey(500);
    ASSERT_LT(key, 500u);
    ASSERT_GE(key, 400u);
    newest += key >= 490;
  }
  EXPECT_GT(newest, 400);
}

TEST(BenchCommandTest, LoadsThenMeasures) {
  CliHarness cli;
  cli.cluster().Split("bench/000000000050");
  for (const std::string& name : WorkloadNames()) {
    const Json json = cli.RunJson({"bench", "--workload", name, "--keys", "100", "--count", "300",
                                   "--concurrency", "4", "--value-size", "10"});
    EXPECT_EQ(json.Find("workload")->string(), name);
    EXPECT_EQ(json.Find("operations")->integer(), name == "load" ? 100 : 300) << name;
    EXPECT_EQ(json.Find("errors")->integer(), 0);
    EXPECT_EQ(json.Find("not_found")->integer(), 0) << name;
    for (const char* member : {"seconds", "p50_us", "p99_us", "p999_us", "per_second"}) {
      EXPECT_NE(json.Find(member), nullptr) << member;
    }
  }
  EXPECT_GE(cli.cluster().entries().size(), 100u);
  EXPECT_EQ(cli.cluster().entries().begin()->second.value.size(), 10u);
}

TEST(BenchCommandTest, SaysItInATable) {
  CliHarness cli;
  const CliResult result = cli.Run({"bench", "--workload", "a", "--keys", "10", "--count", "50"});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_THAT(result.out, HasSubstr("wrote 10 keys first"));
  EXPECT_THAT(result.out, HasSubstr("read "));
  EXPECT_THAT(result.out, HasSubstr("update "));
  EXPECT_THAT(result.out, HasSubstr("P99.9"));
}

TEST(BenchCommandTest, ErrorsAreCountedAndFail) {
  CliHarness cli;
  errorpb::Error error;
  error.mutable_raft_entry_too_large();
  for (int i = 0; i < 3; ++i) cli.cluster().AddScript(0, error);
  const Json json =
      cli.RunJson({"bench", "--workload", "write", "--count", "20"}, ExitCode::kFailed);
  EXPECT_EQ(json.Find("errors")->integer(), 3);
  EXPECT_EQ(json.Find("operations")->integer(), 17);
}

TEST(BenchCommandTest, UndeterminedWritesAreCountedApart) {
  CliHarness cli;
  client::testing::Script broken;
  broken.rpc_error = absl::UnavailableError("reset");
  for (int i = 0; i < 3; ++i) cli.cluster().AddScript(0, broken);
  const std::vector<std::string> write = {"bench", "--workload", "write", "--count", "20"};
  const Json json = cli.RunJson(write, ExitCode::kUndetermined);
  EXPECT_EQ(json.Find("errors")->integer(), 0);
  EXPECT_EQ(json.Find("undetermined")->integer(), 3);
  EXPECT_EQ(json.Find("operations")->integer(), 17);
  EXPECT_EQ(json.Find("by_operation")->Find("update")->Find("undetermined")->integer(), 3);
  cli.cluster().AddScript(0, broken);
  const CliResult table = cli.Run(write);
  EXPECT_EQ(table.code, ExitCode::kUndetermined);
  EXPECT_THAT(table.out, HasSubstr("UNDETERMINED"));
  EXPECT_THAT(table.err, HasSubstr("reset"));
}

TEST(BenchCommandTest, ALoadIsSentAgain) {
  CliHarness cli;
  client::testing::Script broken;
  broken.rpc_error = absl::UnavailableError("reset");
  for (int i = 0; i < 3; ++i) cli.cluster().AddScript(0, broken);
  const Json json = cli.RunJson({"bench", "--workload", "load", "--keys", "20"});
  EXPECT_EQ(json.Find("operations")->integer(), 20);
  EXPECT_EQ(cli.cluster().entries().size(), 20u);
}

TEST(BenchCommandTest, RefusesWrongDurations) {
  CliHarness cli;
  EXPECT_EQ(cli.Run({"bench", "--duration", "5parsec"}).code, ExitCode::kUsage);
  EXPECT_EQ(cli.Run({"bench", "--duration", "-1s"}).code, ExitCode::kUsage);
}

}  // namespace
}  // namespace flotilla::cli
