// Files of one store that are damaged or gone, under real processes: it says what is wrong, where,
// and what to do, and does not serve; nobody reads anything wrong; the others go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "client/key_codec.h"
#include "common/pdclient/waiter.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_call.h"
#include "common/rpc/grpc_event_loop.h"
#include "tests/cluster/await.h"
#include "tests/cluster/process_cluster.h"
#include "tikv/kvrpcpb.pb.h"

namespace flotilla::cluster_test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr int kKeys = 300;
constexpr char kVictim[] = "store-2";

std::string KeyOf(int i) { return "key" + std::to_string(i); }
std::string ValueOf(int i) {
  return std::to_string(i) + std::string(2000, static_cast<char>('a' + i % 26));
}

class DamageTest : public ::testing::Test {
 protected:
  // A cluster with data, in tables and in logs; the victim is killed.
  void SetUp() override {
    const CommandResult up = cluster_.Up({"--stores", "3"});
    ASSERT_EQ(up.code, 0) << up.output;
    Write(0, kKeys / 2);
    ASSERT_EQ(cluster_.Down().code, 0);
    ASSERT_EQ(cluster_.Up().code, 0);
    ASSERT_TRUE(cluster_.AwaitHealthy(seconds(30)));
    Write(kKeys / 2, kKeys);
    cluster_.Kill(kVictim);
  }
  void Write(int from, int to) {
    const auto client = cluster_.Connect();
    ASSERT_NE(client, nullptr);
    for (int i = from; i < to; ++i) ASSERT_TRUE(client->Put(KeyOf(i), ValueOf(i)).ok());
  }
  std::string Dir(const std::string& name) const {
    return cluster_.directory() + "/" + kVictim + "/" + name;
  }
  // The largest file of that suffix, by name of the directory.
  std::string LargestIn(const std::string& dir, const std::string& suffix) const {
    std::pair<uintmax_t, std::string> largest;
    for (const auto& entry : std::filesystem::directory_iterator(Dir(dir))) {
      if (!entry.path().string().ends_with(suffix)) continue;
      largest = std::max(largest, {entry.file_size(), entry.path().string()});
    }
    return largest.second;
  }
  // Every 64th byte from a tenth of the file to its middle is another one.
  static void Damage(const std::string& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path));
    for (std::streamoff at = size / 10; at < size / 2; at += 64) {
      file.seekg(at);
      const int byte = file.get();
      file.seekp(at);
      file.put(static_cast<char>(byte ^ 0x10));
    }
    ASSERT_TRUE(file.flush().good());
  }
  std::string LogText() const {
    std::string text;
    for (const auto& entry : std::filesystem::directory_iterator(cluster_.directory() + "/logs")) {
      if (!entry.path().filename().string().starts_with(kVictim)) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      text.append(std::istreambuf_iterator<char>(file), {});
    }
    return text;
  }
  bool StopsSaying(const std::string& what) {
    return Await(seconds(30), [&] {
      return !cluster_.IsRunning(kVictim) && LogText().find(what) != std::string::npos;
    });
  }
  void ExpectAllDataFromTheOthers() {
    const auto client = cluster_.Connect();
    ASSERT_NE(client, nullptr);
    for (int i = 0; i < kKeys; ++i) {
      const auto value = client->Get(KeyOf(i));
      ASSERT_TRUE(value.ok()) << value.status();
      EXPECT_EQ(value->value_or(""), ValueOf(i)) << KeyOf(i);
    }
  }

  // The id of the store whose process is called `name`; 0: none.
  int64_t StoreAt(const std::string& name) {
    const cli::Json list = cluster_.RunJson({"store", "list"});
    if (list.Find("stores") == nullptr) return 0;
    for (const cli::Json& store : list.Find("stores")->array()) {
      if (store.Find("state")->string() == "lost") continue;
      if (cluster_.NameOf(store.Find("address")->string()) == name) {
        return store.Find("id")->integer();
      }
    }
    return 0;
  }
  // Past the log, on that store alone.
  void DestroyKeysOn(int64_t store) {
    env::SystemClock clock;
    rpc::GrpcEventLoop loop("test-rpc", &clock);
    loop.Start();
    rpc::ChannelPool pool;
    std::string address;
    const cli::Json list = cluster_.RunJson({"store", "list"});
    for (const cli::Json& one : list.Find("stores")->array()) {
      if (one.Find("id")->integer() == store) address = one.Find("address")->string();
    }
    const client::KeyCodec codec = client::KeyCodec::V2(KeyspaceId(0));
    kvrpcpb::UnsafeDestroyRangeRequest request;
    request.mutable_context()->set_api_version(kvrpcpb::V2);
    request.set_start_key(codec.ToRequestKey(KeyOf(100)));
    request.set_end_key(codec.ToRequestKey(KeyOf(101)));
    pdclient::Waiter<kvrpcpb::UnsafeDestroyRangeResponse> waiter;
    rpc::CallUnary<kvrpcpb::UnsafeDestroyRangeResponse>(
        &loop, pool.Get(address), "tikvpb.Tikv/UnsafeDestroyRange", request, {}, waiter.callback());
    const auto response = waiter.Wait();
    EXPECT_TRUE(response.ok()) << response.status();
    if (response.ok()) {
      EXPECT_EQ(response->error(), "") << response->ShortDebugString();
    }
    loop.Stop();
  }

  ProcessCluster cluster_{"damage"};
};

TEST_F(DamageTest, ALogThatIsDamagedInTheMiddle) {
  const std::string path = LargestIn("log", ".log");
  Damage(path);
  cluster_.Up();
  EXPECT_TRUE(StopsSaying("open the log engine in " + Dir("log"))) << LogText();
  ExpectAllDataFromTheOthers();
}

TEST_F(DamageTest, ALogThatIsGone) {
  std::filesystem::remove_all(Dir("log"));
  cluster_.Up();
  EXPECT_TRUE(StopsSaying("has lost its database " + Dir("log"))) << LogText();
  ExpectAllDataFromTheOthers();
}

// The whole way out: found, given up on command, and made anew on the same machine.
TEST_F(DamageTest, ATableThatIsDamagedAndTheWayOut) {
  const std::string before = cluster_.Run({"kv", "checksum"}).output;
  const int64_t lost = StoreAt(kVictim);
  const std::string path = LargestIn("data", ".sst");
  Damage(path);
  // Nobody has read it yet: that is what the comparison is for.
  cluster_.Up();
  if (cluster_.IsRunning(kVictim)) {
    const CommandResult check = cluster_.Run({"region", "check", "--all", "--wait", "20"});
    EXPECT_NE(check.code, 0) << check.output;
  }
  EXPECT_TRUE(StopsSaying(std::filesystem::path(path).filename())) << LogText();
  EXPECT_THAT(LogText(), HasSubstr("docs/operations.md says under \"Damaged data\""));
  ExpectAllDataFromTheOthers();

  const std::string running = std::to_string(StoreAt("store-1"));
  EXPECT_THAT(cluster_.Run({"store", "declare-lost", running, "--yes"}).output,
              HasSubstr("PD heard of store"));
  const std::vector<std::string> declare = {"store", "declare-lost", std::to_string(lost), "--yes"};
  EXPECT_TRUE(Await(seconds(40), [&] { return cluster_.Run(declare).code == 0; }))
      << cluster_.Run(declare).output;
  // It does not come back.
  cluster_.Up();
  EXPECT_TRUE(StopsSaying("was declared lost and may not come back")) << LogText();

  std::filesystem::remove_all(cluster_.directory() + "/" + kVictim);
  EXPECT_EQ(cluster_.Up().code, 0);
  EXPECT_TRUE(cluster_.AwaitHealthy(seconds(60))) << cluster_.Run({"status"}).output;
  EXPECT_NE(StoreAt(kVictim), lost);
  const cli::Json list = cluster_.RunJson({"region", "list", "--all"});
  ASSERT_NE(list.Find("regions"), nullptr);
  for (const cli::Json& region : list.Find("regions")->array()) {
    EXPECT_EQ(region.Find("peers")->array().size(), 3u) << region.Dump();
  }
  EXPECT_EQ(cluster_.Run({"kv", "checksum"}).output, before);
  const CommandResult check = cluster_.Run({"region", "check", "--all"});
  EXPECT_EQ(check.code, 0) << check.output;
}

// What no checksum of a file can tell: one store lacks keys that it had.
TEST_F(DamageTest, AReplicaThatDiffersIsFoundAndMadeAnew) {
  ASSERT_EQ(cluster_.Up().code, 0);
  ASSERT_TRUE(cluster_.AwaitHealthy(seconds(60)));
  EXPECT_EQ(cluster_.Run({"region", "check", "--all"}).code, 0);
  const int64_t store = StoreAt(kVictim);
  DestroyKeysOn(store);
  const CommandResult check = cluster_.Run({"region", "check", "--all"});
  EXPECT_EQ(check.code, 1) << check.output;
  EXPECT_THAT(check.output, HasSubstr("differs"));
  const CommandResult status = cluster_.Run({"status"});
  EXPECT_EQ(status.code, 7) << status.output;
  EXPECT_THAT(status.output, HasSubstr("the replica on store " + std::to_string(store) +
                                       " does not hold what the majority holds"));
  const cli::Json list = cluster_.RunJson({"region", "list", "--all"});
  ASSERT_NE(list.Find("regions"), nullptr);
  for (const cli::Json& region : list.Find("regions")->array()) {
    bool differs = false;
    for (const cli::Json& peer : region.Find("peers")->array()) {
      differs = differs || peer.Find("differs")->boolean();
    }
    if (!differs) continue;
    const CommandResult repair =
        cluster_.Run({"region", "repair", std::to_string(region.Find("id")->integer()), "--store",
                      std::to_string(store), "--yes", "--wait", "120"});
    EXPECT_EQ(repair.code, 0) << repair.output;
  }
  EXPECT_TRUE(cluster_.AwaitHealthy(seconds(30))) << cluster_.Run({"status"}).output;
  const CommandResult again = cluster_.Run({"region", "check", "--all"});
  EXPECT_EQ(again.code, 0) << again.output;
  ExpectAllDataFromTheOthers();
}

}  // namespace
}  // namespace flotilla::cluster_test
