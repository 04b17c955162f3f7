#include "common/metrics/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::metrics {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(RegistryTest, TheSameNameAndLabelsGiveTheSameMetric) {
  Registry registry;
  Counter& first = registry.AddCounter("flotilla_test_total", "Help.", {{"kind", "a"}});
  Counter& second = registry.AddCounter("flotilla_test_total", "Help.", {{"kind", "a"}});
  Counter& other = registry.AddCounter("flotilla_test_total", "Help.", {{"kind", "b"}});
  first.Increment();
  second.Increment(2);
  EXPECT_EQ(&first, &second);
  EXPECT_EQ(first.Value(), 3);
  EXPECT_EQ(other.Value(), 0);
}

TEST(RegistryDeathTest, ANameThatMeansTwoThingsIsABug) {
  Registry registry;
  registry.AddCounter("flotilla_test_total", "Apples.");
  EXPECT_DEATH(registry.AddCounter("flotilla_test_total", "Pears."),
               "flotilla_test_total is \"Apples.\" and \"Pears.\"");
}

TEST(RegistryTest, TheTextHasHelpTypeLabelsAndValue) {
  Registry registry;
  registry.AddCounter("flotilla_test_total", "What is counted.", {{"kind", "a"}}).Increment(4);
  registry.AddGauge("flotilla_test_bytes", "What is measured.").Set(12);
  const std::string text = registry.ToText();
  EXPECT_THAT(text, HasSubstr("# HELP flotilla_test_total What is counted."));
  EXPECT_THAT(text, HasSubstr("# TYPE flotilla_test_total counter"));
  EXPECT_THAT(text, HasSubstr("flotilla_test_total{kind=\"a\"} 4"));
  EXPECT_THAT(text, HasSubstr("flotilla_test_bytes 12"));
}

TEST(RegistryTest, AHistogramCountsIntoItsBuckets) {
  Registry registry;
  Histogram& histogram = registry.AddHistogram("flotilla_test_seconds", "Help.", {0.1, 1});
  for (const double seconds : {0.05, 0.5, 0.6, 7.0}) histogram.Observe(seconds);
  const std::string text = registry.ToText();
  EXPECT_THAT(text, HasSubstr("flotilla_test_seconds_bucket{le=\"0.1\"} 1"));
  EXPECT_THAT(text, HasSubstr("flotilla_test_seconds_bucket{le=\"1\"} 3"));
  EXPECT_THAT(text, HasSubstr("flotilla_test_seconds_bucket{le=\"+Inf\"} 4"));
  EXPECT_THAT(text, HasSubstr("flotilla_test_seconds_count 4"));
}

TEST(RegistryTest, RegistriesDoNotShareMetrics) {
  Registry one, two;
  one.AddCounter("flotilla_test_total", "Help.").Increment();
  EXPECT_EQ(two.AddCounter("flotilla_test_total", "Help.").Value(), 0);
}

TEST(RegistryTest, BoundsGrowByTheirFactor) {
  EXPECT_THAT(ExponentialBounds(1, 10, 4), ElementsAre(1, 10, 100, 1000));
  EXPECT_THAT(ExponentialBounds(1, 10, 0), ElementsAre());
  const auto latency = LatencyBounds();
  ASSERT_EQ(latency.size(), 18u);
  EXPECT_DOUBLE_EQ(latency.front(), 50e-6);
  EXPECT_GT(latency.back(), 6);
}

}  // namespace
}  // namespace flotilla::metrics
