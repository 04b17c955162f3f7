// What a process refuses at its start: by name, with the way out, changing nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/cluster/process_cluster.h"
#include "tests/common/rpc/raw_connection.h"

namespace flotilla::cluster_test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

TEST(RefusalTest, ASecondStoreOnTheSameDataDirectory) {
  ProcessCluster cluster("refusal_lock");
  ASSERT_EQ(cluster.Up({"--stores", "1", "--pds", "1"}).code, 0);
  const CommandResult second =
      RunProgram("flotilla-store", {"--pd", cluster.pd_address(), "--listen", "127.0.0.1:0",
                                    "--data-dir", cluster.directory() + "/store-1"});
  EXPECT_NE(second.code, 0);
  EXPECT_THAT(second.output, HasSubstr(cluster.directory() + "/store-1"));
  EXPECT_THAT(second.output, AnyOf(HasSubstr("lock"), HasSubstr("another process")));
  EXPECT_EQ(cluster.Run({"kv", "put", "k", "v"}).code, 0) << "the first one goes on";
  EXPECT_EQ(cluster.Down().code, 0);
}

TEST(RefusalTest, ADataDirectoryOfAnotherCluster) {
  ProcessCluster first("refusal_first");
  ASSERT_EQ(first.Up({"--stores", "1", "--pds", "1"}).code, 0);
  ASSERT_EQ(first.Run({"kv", "put", "k", "v"}).code, 0);
  ASSERT_EQ(first.Down().code, 0);
  ProcessCluster second("refusal_second");
  ASSERT_EQ(second.Up({"--stores", "1", "--pds", "1"}).code, 0);
  const CommandResult foreign =
      RunProgram("flotilla-store", {"--pd", second.pd_address(), "--listen", "127.0.0.1:0",
                                    "--data-dir", first.directory() + "/store-1"});
  EXPECT_NE(foreign.code, 0);
  EXPECT_THAT(foreign.output, HasSubstr("cluster"));
  ASSERT_EQ(second.Down().code, 0);
  // It changed nothing: the store is still good for its own cluster.
  ASSERT_EQ(first.Up().code, 0);
  EXPECT_EQ(first.Run({"kv", "get", "k"}).output, "v\n");
  EXPECT_EQ(first.Down().code, 0);
}

// The stores' addresses, as PD knows them.
std::vector<std::string> StoreAddresses(ProcessCluster& cluster) {
  std::vector<std::string> addresses;
  const cli::Json list = cluster.RunJson({"store", "list"});
  const cli::Json* stores = list.Find("stores");
  if (stores == nullptr) return addresses;
  for (const cli::Json& store : stores->array()) {
    addresses.push_back(store.Find("address")->string());
  }
  return addresses;
}

// A port of loopback that is free.
std::string FreeAddress() {
  cli::PosixProcesses processes;
  int port = 18'000 + getpid() % 1000;
  while (!processes.IsPortFree(port)) ++port;
  return "127.0.0.1:" + std::to_string(port);
}

TEST(RefusalTest, AStoreAtTheAddressOfAnotherOne) {
  ProcessCluster cluster("refusal_address");
  ASSERT_EQ(cluster.Up({"--stores", "1", "--pds", "1"}).code, 0);
  const std::vector<std::string> addresses = StoreAddresses(cluster);
  ASSERT_EQ(addresses.size(), 1u);
  const std::vector<std::string> arguments = {
      "--pd",        cluster.pd_address(), "--listen",   FreeAddress(),
      "--advertise", addresses[0],         "--data-dir", cluster.directory() + "/store-2"};
  const CommandResult second = RunProgram("flotilla-store", arguments);
  EXPECT_NE(second.code, 0);
  EXPECT_THAT(second.output, HasSubstr("duplicated store address"));
  EXPECT_THAT(second.output, HasSubstr(addresses[0]));
  // Nor when the first one is down: it may come back.
  cluster.Kill("store-1");
  EXPECT_THAT(RunProgram("flotilla-store", arguments).output,
              HasSubstr("duplicated store address"));
  ASSERT_EQ(cluster.Up().code, 0);
  EXPECT_EQ(cluster.Run({"kv", "put", "k", "v"}).code, 0) << "the first one goes on";
  EXPECT_EQ(StoreAddresses(cluster), addresses);
  EXPECT_EQ(cluster.Down().code, 0);
}

TEST(RefusalTest, ACopyOfARunningStore) {
  ProcessCluster cluster("refusal_copy");
  ASSERT_EQ(cluster.Up({"--stores", "1", "--pds", "1"}).code, 0);
  ASSERT_EQ(cluster.Run({"kv", "put", "k", "v"}).code, 0);
  const std::vector<std::string> addresses = StoreAddresses(cluster);
  const std::string original = cluster.directory() + "/store-1";
  const std::string copy = cluster.directory() + "/copy";
  std::filesystem::copy(original, copy, std::filesystem::copy_options::recursive);
  const CommandResult second =
      RunProgram("flotilla-store",
                 {"--pd", cluster.pd_address(), "--listen", FreeAddress(), "--data-dir", copy});
  EXPECT_EQ(second.code, 1) << second.output;
  EXPECT_THAT(second.output, HasSubstr("copies of one data directory"));
  EXPECT_THAT(second.output, HasSubstr(addresses[0]));
  EXPECT_EQ(StoreAddresses(cluster), addresses);
  EXPECT_EQ(cluster.Run({"kv", "get", "k"}).output, "v\n");
  EXPECT_EQ(cluster.Down().code, 0);
}

TEST(RefusalTest, AStoreThatMovesIsFoundAtItsNewAddress) {
  ProcessCluster cluster("refusal_moves");
  ASSERT_EQ(cluster.Up({"--stores", "3", "--pds", "1"}).code, 0);
  ASSERT_TRUE(cluster.AwaitHealthy(std::chrono::seconds(60)));
  const auto client = cluster.Connect();
  ASSERT_NE(client, nullptr);
  ASSERT_TRUE(client->Put("k", "before").ok());
  cluster.Kill("store-2");
  cli::PosixProcesses processes;
  const std::string address = FreeAddress();
  const auto moved =
      processes.Spawn({FLOTILLA_BIN_DIR "/flotilla-store", "--pd", cluster.pd_address(), "--listen",
                       address, "--data-dir", cluster.directory() + "/store-2"},
                      cluster.directory() + "/logs/store-2-moved.log");
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_TRUE(Await(std::chrono::seconds(60), [&] {
    const auto addresses = StoreAddresses(cluster);
    return std::count(addresses.begin(), addresses.end(), address) == 1;
  })) << "PD knows its new address";
  // Nothing can be written now without the other stores finding it there.
  cluster.Kill("store-1");
  EXPECT_TRUE(Await(std::chrono::seconds(30), [&] { return client->Put("k", "after").ok(); }));
  EXPECT_EQ(client->Get("k")->value_or(""), "after");
  processes.Signal(*moved, SIGKILL);
}

TEST(RefusalTest, MoreConnectionsThanAStoreTakes) {
  ProcessCluster cluster("refusal_connections");
  const CommandResult up =
      cluster.Up({"--stores", "1", "--pds", "1", "--store-flag=--server.max-connections=16"});
  ASSERT_EQ(up.code, 0) << up.output;
  const auto client = cluster.Connect();
  ASSERT_NE(client, nullptr);
  ASSERT_TRUE(client->Put("k", "before").ok());
  const cli::Json stores = cluster.RunJson({"store", "list"});
  ASSERT_NE(stores.Find("stores"), nullptr);
  const std::string address = stores.Find("stores")->array().front().Find("address")->string();
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  std::vector<std::unique_ptr<rpc::RawConnection>> taken;
  size_t refused = 0;
  for (int i = 0; i < 40; ++i) {
    auto connection = std::make_unique<rpc::RawConnection>(port);
    if (connection->SayHello()) {
      taken.push_back(std::move(connection));
    } else {
      ++refused;
    }
  }
  // All come from one address, which may take twelve places, and the client has one of them.
  EXPECT_GT(taken.size(), 0u);
  EXPECT_LT(taken.size(), 12u);
  EXPECT_EQ(refused, 40 - taken.size());
  // Who is connected goes on, who is not gets in when there is room.
  const absl::Status put = client->Put("k", "after");
  EXPECT_TRUE(put.ok()) << put;
  taken.clear();
  EXPECT_TRUE(Await(std::chrono::seconds(20), [&] {
    return cluster.Run({"kv", "get", "k"}).output == "after\n";
  }));
  EXPECT_EQ(cluster.Down().code, 0);
}

TEST(RefusalTest, ABadConfigurationNamesTheKey) {
  const std::string path = ::testing::TempDir() + "flotilla_bad_config.toml";
  std::ofstream(path) << "no-such-option = 1\n";
  for (const char* program : {"flotilla-pd", "flotilla-store"}) {
    const CommandResult result = RunProgram(program, {"--config", path, "--check-config"});
    EXPECT_NE(result.code, 0) << program;
    EXPECT_THAT(result.output, HasSubstr("no-such-option")) << program;
  }
  std::filesystem::remove(path);
}

TEST(RefusalTest, ImpossibleTimeoutsAreNamed) {
  const CommandResult result =
      RunProgram("flotilla-store",
                 {"--check-config", "--raft.election-ticks", "10", "--raft.heartbeat-ticks", "10"});
  EXPECT_NE(result.code, 0);
  EXPECT_THAT(result.output, HasSubstr("raft.election-ticks"));
  EXPECT_THAT(result.output, HasSubstr("raft.heartbeat-ticks"));
}

}  // namespace
}  // namespace flotilla::cluster_test
