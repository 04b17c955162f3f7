// A whole cluster's life with real processes: start, load, the death of a store, restart, stop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "common/env/clock.h"
#include "tests/cluster/process_cluster.h"

namespace flotilla::cluster_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

// The promise: after the death of a store every key is writable again within this time.
constexpr seconds kFailover{3};

class FailoverTest : public ::testing::Test {
 protected:
  // A file of stanzas with keys p0000 to p....
  std::string WriteStanzas(int count) {
    const std::string path = cluster_.directory() + ".stanzas";
    std::ofstream file(path);
    for (int i = 0; i < count; ++i) {
      file << "Package: " << Key(i) << "\nVersion: " << i
           << "\nDescription: " << std::string(200, static_cast<char>('a' + i % 26)) << "\n\n";
    }
    return path;
  }
  static std::string Key(int i) {
    std::string number = std::to_string(i);
    return "p" + std::string(4 - number.size(), '0') + number;
  }

  ProcessCluster cluster_{"failover"};
};

TEST_F(FailoverTest, SurvivesTheDeathOfAStore) {
  const CommandResult up = cluster_.Up({"--stores", "3", "--pds", "3"});
  ASSERT_EQ(up.code, 0) << up.output;
  const std::string stanzas = WriteStanzas(2000);
  const CommandResult split = cluster_.Run({"region", "split", "p0500", "p1000", "p1500"});
  ASSERT_EQ(split.code, 0) << split.output;
  const CommandResult load =
      cluster_.Run({"kv", "load", stanzas, "--format", "deb822", "--verify"});
  ASSERT_EQ(load.code, 0) << load.output;
  const std::string checksum = cluster_.Run({"kv", "checksum"}).output;
  EXPECT_THAT(checksum, HasSubstr("2,000 keys"));

  const std::string victim = cluster_.StoreLeading("p0700");
  ASSERT_NE(victim, "");
  const auto client = cluster_.Connect();
  ASSERT_NE(client, nullptr);
  // Routes are known, so that what is measured is the cluster's failover and the client's repair.
  ASSERT_TRUE(client->Get("p0700").ok());
  cluster_.Kill(victim);
  const env::SystemClock clock;
  const env::Instant killed = clock.Now();
  for (const char* key : {"p0001x", "p0700x", "p1200x", "p1700x"}) {
    absl::Status status = client->Put(key, "written without a store");
    // It may have been on its way to the store that died. A copy that came late would do no harm:
    // this test is the key's only writer, and writes the same again.
    if (client::IsUndetermined(status)) status = client->Put(key, "written without a store");
    EXPECT_TRUE(status.ok()) << key << ": " << status;
  }
  const env::Duration unwritable = clock.Now() - killed;
  std::cout << "writable again after "
            << std::chrono::duration_cast<milliseconds>(unwritable).count() << " ms\n";
  EXPECT_LT(unwritable, kFailover);
  EXPECT_EQ(cluster_.Run({"status"}).code, 7) << "a store is missing, and status says so";
  EXPECT_EQ(client->ComputeChecksum({"", ""})->keys, 2004u);

  const CommandResult again = cluster_.Up();
  ASSERT_EQ(again.code, 0) << again.output;
  for (const char* key : {"p0001x", "p0700x", "p1200x", "p1700x"}) {
    EXPECT_EQ(client->Get(key)->value_or(""), "written without a store");
    EXPECT_TRUE(client->Delete(key).ok());
  }
  EXPECT_EQ(cluster_.Run({"kv", "checksum"}).output, checksum);
  const CommandResult down = cluster_.Down();
  EXPECT_EQ(down.code, 0) << down.output;
}

TEST_F(FailoverTest, TheSameClusterComesBackAfterDown) {
  ASSERT_EQ(cluster_.Up({"--stores", "3", "--pds", "1"}).code, 0);
  ASSERT_EQ(cluster_.Run({"kv", "put", "k", "v"}).code, 0);
  const int64_t id = cluster_.RunJson({"status"}).Find("cluster_id")->integer();
  ASSERT_EQ(cluster_.Down().code, 0);
  const CommandResult up = cluster_.Up();
  ASSERT_EQ(up.code, 0) << up.output;
  EXPECT_EQ(cluster_.RunJson({"status"}).Find("cluster_id")->integer(), id);
  EXPECT_EQ(cluster_.Run({"kv", "get", "k"}).output, "v\n");
  EXPECT_EQ(cluster_.Down().code, 0);
}

TEST_F(FailoverTest, PdAnswersAgainAfterItsLeaderDies) {
  ASSERT_EQ(cluster_.Up({"--stores", "3", "--pds", "3"}).code, 0);
  const std::string leader = cluster_.PdLeader();
  ASSERT_NE(leader, "");
  cluster_.Kill(leader);
  const env::SystemClock clock;
  const env::Instant killed = clock.Now();
  // A new client has no route: PD must give them.
  client::ClientOptions options;
  options.connect_timeout = milliseconds(3'000);
  options.timeout = milliseconds(5'000);
  const auto client = cluster_.Connect(options);
  ASSERT_NE(client, nullptr);
  const absl::Status status = client->Put("k", "v");
  EXPECT_TRUE(status.ok()) << status;
  const env::Duration unanswered = clock.Now() - killed;
  std::cout << "PD answers again after "
            << std::chrono::duration_cast<milliseconds>(unanswered).count() << " ms\n";
  EXPECT_LT(unanswered, kFailover);
  ASSERT_EQ(cluster_.Up().code, 0);
  EXPECT_EQ(cluster_.Down().code, 0);
}

TEST_F(FailoverTest, ApiVersionOneKeepsKeysPlain) {
  ASSERT_EQ(cluster_.Up({"--stores", "3", "--pds", "1", "--api-version", "1"}).code, 0);
  EXPECT_EQ(cluster_.Run({"--api-version", "1", "kv", "put", "k", "v"}).code, 0);
  EXPECT_EQ(cluster_.Run({"--api-version", "1", "kv", "get", "k"}).output, "v\n");
  EXPECT_NE(cluster_.Run({"kv", "get", "k"}).code, 0) << "a client of the other version is refused";
  EXPECT_EQ(cluster_.Down().code, 0);
}

}  // namespace
}  // namespace flotilla::cluster_test
