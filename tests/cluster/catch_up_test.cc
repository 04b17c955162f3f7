// A store that comes back after it missed a lot catches up by snapshot, with bounded memory, and
// the logs of the others stay bounded all the time.
//
// FLOTILLA_CATCH_UP_MIB sets how much is written while it is away (the full promise is 1024).
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

#include "common/base/units.h"
#include "common/env/clock.h"
#include "common/env/random.h"
#include "tests/cluster/process_cluster.h"
#include "tests/cluster/process_usage.h"

namespace flotilla::cluster_test {
namespace {

using std::chrono::seconds;

constexpr size_t kValueBytes = 16 * 1024;
constexpr size_t kPairsInABatch = 32;
constexpr uint64_t kLogMemtable = 8 * kMiB;
constexpr uint64_t kMaxTotalLog = 24 * kMiB;
// docs/log_format.md, "How much a log directory takes".
constexpr uint64_t kLogBound =
    kLogMemtable * 33 / 10 + kMaxTotalLog * 3 / 2 + kMaxTotalLog + 16 * kMiB;

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

double SecondsBetween(env::Instant from, env::Instant to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string Flag(const std::string& name, uint64_t bytes) {
  return "--store-flag=--" + name + "=" + std::to_string(bytes);
}

// The most that the log of any store that is up takes; over the test's time.
class LogWatch {
 public:
  explicit LogWatch(const ProcessCluster& cluster) : directory_(cluster.directory()) {}
  void Look() {
    for (const char* store : {"/store-1", "/store-2", "/store-3"}) {
      most_ = std::max(most_, DirectoryBytes(directory_ + store + "/log"));
    }
  }
  uint64_t most() const { return most_; }

 private:
  const std::string directory_;
  uint64_t most_ = 0;
};

TEST(CatchUpTest, AStoreThatMissedALotCatchesUpBySnapshot) {
  const uint64_t count = MissedBytes() / kValueBytes;
  ProcessCluster cluster("catch_up");
  const CommandResult up = cluster.Up(
      {"--stores", "3", "--pds", "1", Flag("raft.max-log", 8 * kMiB),
       Flag("raft.max-total-log", kMaxTotalLog), Flag("storage.log-memtable", kLogMemtable),
       "--store-flag=--region-split-size=64MiB"});
  ASSERT_EQ(up.code, 0) << up.output;
  const auto client = cluster.Connect();
  ASSERT_NE(client, nullptr);
  const env::SystemClock clock;

  cluster.Kill("store-3");
  LogWatch log(cluster);
  const env::Instant start = clock.Now();
  for (uint64_t i = 0; i < count; i += kPairsInABatch) {
    client::RawClient::Pairs pairs;
    for (uint64_t j = i; j < i + kPairsInABatch; ++j) pairs.push_back({KeyOf(j), ValueOf(j)});
    const absl::Status status = client->BatchPut(std::move(pairs));
    ASSERT_TRUE(status.ok()) << status;
    log.Look();
  }
  const env::Instant written = clock.Now();
  std::cout << MissedBytes() / kMiB << " MiB in " << SecondsBetween(start, written)
            << " s; the most that a log took meanwhile: " << log.most() / kMiB << " MiB of "
            << kLogBound / kMiB << "\n";
  EXPECT_GT(log.most(), kLogMemtable);
  EXPECT_LT(log.most(), kLogBound);

  const CommandResult again = cluster.Up({"--healthy-within", "180"});
  ASSERT_EQ(again.code, 0) << again.output;
  const env::Instant caught_up = clock.Now();
  // With another store gone, every answer needs the one that came back.
  cluster.Kill("store-2");
  for (uint64_t i = 0; i < count; i += 97) {
    const auto value = client->Get(KeyOf(i));
    ASSERT_TRUE(value.ok()) << KeyOf(i) << ": " << value.status();
    ASSERT_TRUE(value->has_value() && **value == ValueOf(i)) << KeyOf(i);
  }
  log.Look();
  EXPECT_LT(log.most(), kLogBound);
  const uint64_t peak = PeakResidentBytesOf(cluster.PidOf("store-3"));
  std::cout << "caught up in " << SecondsBetween(written, caught_up)
            << " s; most memory of the store that did: " << peak / kMiB
            << " MiB; its data: " << DirectoryBytes(cluster.directory() + "/store-3/data") / kMiB
            << " MiB, its log: " << DirectoryBytes(cluster.directory() + "/store-3/log") / kMiB
            << " MiB\n";
  EXPECT_GT(peak, 0u);
  EXPECT_LT(peak, 1 * kGiB);
}

}  // namespace
}  // namespace flotilla::cluster_test
