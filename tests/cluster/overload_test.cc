// Ten times the load that a cluster can take: it does what it can all the time, in bounded time and
// memory, and afterwards it is as before.
//
// All servers share one core, and the load has the others to itself: on a small machine it would
// otherwise take from the servers what they are measured by.
//
// FLOTILLA_OVERLOAD_SECONDS sets for how long there is too much.
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "common/base/units.h"
#include "tests/cluster/open_loop.h"
#include "tests/cluster/process_cluster.h"
#include "tests/cluster/process_usage.h"

namespace flotilla::cluster_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kMemoryBudget = 512 * kMiB;
// Five times what admission.write-delay aims at.
constexpr milliseconds kBoundedDelay{500};

seconds OverloadTime() {
  const char* const text = std::getenv("FLOTILLA_OVERLOAD_SECONDS");
  return seconds(text == nullptr ? 10 : std::atoi(text));
}

// All threads of a process. Those that they start later inherit it.
void PinProcess(int pid, const cpu_set_t& cores) {
  std::error_code gone;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, gone)) {
    sched_setaffinity(std::stoi(task.path().filename()), sizeof(cores), &cores);
  }
}

class OverloadTest : public ::testing::TestWithParam<client::Transport> {
 protected:
  void StartCluster() {
    const CommandResult up =
        cluster_.Up({"--stores", "3", "--pds", "1",
                     "--store-flag=--memory.budget=" + std::to_string(kMemoryBudget)});
    ASSERT_EQ(up.code, 0) << up.output;
    SeparateCores();
    LoadOptions options;
    options.pd_address = cluster_.pd_address();
    options.transport = GetParam();
    load_ = std::make_unique<OpenLoop>(options);
    const absl::Status connected = load_->Connect();
    ASSERT_TRUE(connected.ok()) << connected;
  }

  uint64_t MostResident() {
    uint64_t most = 0;
    for (const char* store : {"store-1", "store-2", "store-3"}) {
      most = std::max(most, PeakResidentBytesOf(cluster_.PidOf(store)));
    }
    return most;
  }

  ProcessCluster cluster_{"overload"};
  std::unique_ptr<OpenLoop> load_;

 private:
  void SeparateCores() {
    cpu_set_t all;
    ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
    if (CPU_COUNT(&all) < 2) return;
    int first = 0;
    while (!CPU_ISSET(first, &all)) ++first;
    cpu_set_t servers;
    CPU_ZERO(&servers);
    CPU_SET(first, &servers);
    for (const char* name : {"pd-1", "store-1", "store-2", "store-3"}) {
      PinProcess(cluster_.PidOf(name), servers);
    }
    CPU_CLR(first, &all);
    ASSERT_EQ(sched_setaffinity(0, sizeof(all), &all), 0);
  }
};

INSTANTIATE_TEST_SUITE_P(Transports, OverloadTest,
                         ::testing::Values(client::Transport::kBatch, client::Transport::kUnary),
                         [](const auto& info) {
                           return info.param == client::Transport::kBatch ? "Batch" : "Unary";
                         });

TEST_P(OverloadTest, TenTimesTheLoadIsBorne) {
  ASSERT_NO_FATAL_FAILURE(StartCluster());
  load_->Saturate(64, seconds(2));
  double best = 0;
  for (const int in_flight : {32, 128, 512}) {
    const LoadResult result = load_->Saturate(in_flight, seconds(3));
    std::cout << in_flight << " in flight: " << result.ToString() << "\n";
    best = std::max(best, result.goodput_per_second);
  }
  const LoadResult before = load_->Offer(best / 4, seconds(3));
  std::cout << "before: " << before.ToString() << "\n";
  const LoadResult flood = load_->Offer(10 * best, OverloadTime());
  std::cout << "ten times: " << flood.ToString() << "; most resident " << MostResident() / kMiB
            << " MiB\n";
  const LoadResult after = load_->Offer(best / 4, seconds(3));
  std::cout << "after: " << after.ToString() << "\n";
  EXPECT_LT(MostResident(), kMemoryBudget);
  EXPECT_GT(flood.busy, 0u);
  EXPECT_EQ(flood.failed, 0u) << flood.last_error;
  EXPECT_EQ(flood.failed_reads, 0u);
  // docs/overload.md tells why unary calls have no such bounds.
  if (GetParam() == client::Transport::kBatch) {
    EXPECT_GT(flood.goodput_per_second, 0.8 * best);
    EXPECT_LT(flood.writes.Quantile(0.99), kBoundedDelay);
    EXPECT_LT(flood.reads.Quantile(0.99), kBoundedDelay);
  }
  // As before.
  EXPECT_GT(after.goodput_per_second, 0.95 * after.offered_per_second);
  EXPECT_LT(after.writes.Quantile(0.5), 2 * before.writes.Quantile(0.5) + milliseconds(10));
  EXPECT_EQ(cluster_.Down().code, 0);
}

}  // namespace
}  // namespace flotilla::cluster_test
