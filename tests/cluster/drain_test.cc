// A process that is told to go (SIGTERM) leaves without a client noticing.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <string>

#include "common/env/clock.h"
#include "tests/cluster/process_cluster.h"
#include "tests/cluster/register_writers.h"

namespace flotilla::cluster_test {
namespace {

using std::chrono::seconds;

class DrainTest : public ::testing::TestWithParam<client::Transport> {};

INSTANTIATE_TEST_SUITE_P(Transports, DrainTest,
                         ::testing::Values(client::Transport::kBatch, client::Transport::kUnary),
                         [](const auto& info) {
                           return info.param == client::Transport::kBatch ? "Batch" : "Unary";
                         });

TEST_P(DrainTest, StoresAndMembersLeaveInTurnWithoutAClientsError) {
  ProcessCluster cluster("drain");
  const CommandResult up = cluster.Up({"--stores", "3", "--pds", "3"});
  ASSERT_EQ(up.code, 0) << up.output;
  ASSERT_EQ(cluster.Run({"region", "split", "durable/2", "durable/4", "durable/6"}).code, 0);
  client::ClientOptions options;
  options.transport = GetParam();
  const auto client = cluster.Connect(options);
  ASSERT_NE(client, nullptr);
  RegisterWriters writers(client.get(), 16);
  writers.Start();
  const env::SystemClock clock;
  for (const char* name : {"store-1", "store-2", "store-3", "pd-1", "pd-2", "pd-3"}) {
    SCOPED_TRACE(name);
    const int64_t before = writers.acknowledged();
    ASSERT_TRUE(Await(seconds(30), [&] { return writers.acknowledged() >= before + 200; }));
    const env::Instant told = clock.Now();
    cluster.Signal(name, SIGTERM);
    ASSERT_TRUE(Await(seconds(15), [&] { return !cluster.IsRunning(name); }));
    EXPECT_LT(clock.Now() - told, seconds(10));
    const CommandResult again = cluster.Up();
    ASSERT_EQ(again.code, 0) << again.output;
  }
  writers.Stop();
  writers.Check();
  EXPECT_EQ(writers.undetermined() + writers.refused(), 0) << writers.last_error();
  EXPECT_EQ(cluster.Down().code, 0);
}

}  // namespace
}  // namespace flotilla::cluster_test
