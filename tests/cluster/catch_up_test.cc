// A store that comes back after it missed a lot catches up by snapshot, with bounded memory, and
// the logs of the others stay bounded meanwhile.
//
// FLOTILLA_CATCH_UP_MIB sets how much is written while it is away (the full promise is 1024).
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include "common/base/units.h"
#include "common/env/random.h"
#include "tests/cluster/process_cluster.h"
#include "tests/cluster/process_usage.h"

namespace flotilla::cluster_test {
namespace {

using std::chrono::seconds;

constexpr size_t kValueBytes = 16 * 1024;
constexpr size_t kPairsInABatch = 32;

uint64_t MissedBytes() {
  const char* const text = std::getenv("FLOTILLA_CATCH_UP_MIB");
  return (text == nullptr ? 128 : std::strtoull(text, nullptr, 10)) * kMiB;
}

std::string KeyOf(uint64_t i) { return "catch-up-" + std::to_string(i); }

// Does not compress, so that the bytes on disk are what was written.
std::string ValueOf(uint64_t i) {
  env::Random random(i);
  std::string value(kValueBytes, '\0');
  for (char& c : value) c = static_cast<char>(random.Next());
  return value;
}

TEST(CatchUpTest, AStoreThatMissedALotCatchesUpBySnapshot) {
  const uint64_t count = MissedBytes() / kValueBytes;
  ProcessCluster cluster("catch_up");
  const CommandResult up =
      cluster.Up({"--stores", "3", "--pds", "1", "--store-flag=--raft.max-log=8MiB",
                  "--store-flag=--region-split-size=64MiB"});
  ASSERT_EQ(up.code, 0) << up.output;
  const auto client = cluster.Connect();
  ASSERT_NE(client, nullptr);

  cluster.Kill("store-3");
  for (uint64_t i = 0; i < count; i += kPairsInABatch) {
    client::RawClient::Pairs pairs;
    for (uint64_t j = i; j < i + kPairsInABatch; ++j) pairs.push_back({KeyOf(j), ValueOf(j)});
    const absl::Status status = client->BatchPut(std::move(pairs));
    ASSERT_TRUE(status.ok()) << status;
  }
  const uint64_t log_bytes = DirectoryBytes(cluster.directory() + "/store-1/log");
  std::cout << "log of a store that went on, after " << MissedBytes() / kMiB
            << " MiB of writes: " << log_bytes / kMiB << " MiB\n";
  EXPECT_GT(log_bytes, 0u);
  EXPECT_LT(log_bytes, 512 * kMiB);

  const CommandResult again = cluster.Up({"--healthy-within", "180"});
  ASSERT_EQ(again.code, 0) << again.output;
  // With another store gone, every answer needs the one that came back.
  cluster.Kill("store-2");
  for (uint64_t i = 0; i < count; i += 97) {
    const auto value = client->Get(KeyOf(i));
    ASSERT_TRUE(value.ok()) << KeyOf(i) << ": " << value.status();
    ASSERT_TRUE(value->has_value() && **value == ValueOf(i)) << KeyOf(i);
  }
  const uint64_t peak = PeakResidentBytesOf(cluster.PidOf("store-3"));
  std::cout << "most memory of the store that caught up: " << peak / kMiB << " MiB\n";
  EXPECT_GT(peak, 0u);
  EXPECT_LT(peak, 1 * kGiB);
}

}  // namespace
}  // namespace flotilla::cluster_test
