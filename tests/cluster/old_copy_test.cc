// Real processes whose data directory is an older copy of itself, or was emptied: they say so, with
// the way out, and neither vote nor serve; the others go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "client/cli/posix_processes.h"
#include "tests/cluster/await.h"
#include "tests/cluster/process_cluster.h"

namespace flotilla::cluster_test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr char kVictim[] = "store-2";

class OldCopyTest : public ::testing::Test {
 protected:
  std::string Dir(const std::string& name) const { return cluster_.directory() + "/" + name; }
  void Copy(const std::string& from, const std::string& to) const {
    std::filesystem::copy(Dir(from), Dir(to), std::filesystem::copy_options::recursive);
  }
  void Move(const std::string& from, const std::string& to) const {
    std::filesystem::rename(Dir(from), Dir(to));
  }
  void Put(const std::string& value) {
    const auto client = cluster_.Connect();
    ASSERT_NE(client, nullptr);
    const absl::Status put = client->Put("k", value);
    ASSERT_TRUE(put.ok()) << put;
  }
  std::string Get() {
    const auto client = cluster_.Connect();
    if (client == nullptr) return "no client";
    const auto value = client->Get("k");
    return value.ok() ? value->value_or("nothing") : value.status().ToString();
  }
  // Where the victim was, as PD knows it.
  std::string AddressOfVictim() {
    const cli::Json list = cluster_.RunJson({"store", "list"});
    const cli::Json* stores = list.Find("stores");
    if (stores == nullptr) return "";
    for (const cli::Json& store : stores->array()) {
      const std::string address = store.Find("address")->string();
      if (cluster_.NameOf(address) == kVictim) return address;
    }
    return "";
  }
  // How far the victim's log has come, as it has told PD; from its metrics.
  std::string PositionAtPd() {
    std::ifstream file(Dir("cluster.json"), std::ios::binary);
    const auto json = cli::Json::Parse(std::string(std::istreambuf_iterator<char>(file), {}));
    if (!json.ok()) return "";
    for (const cli::Json& process : json->Find("processes")->array()) {
      if (process.Find("name")->string() != kVictim) continue;
      httplib::Client client("http://" + process.Find("status_address")->string());
      const auto metrics = client.Get("/metrics");
      if (!metrics) return "";
      const size_t at = metrics->body.find("\nflotilla_store_saved_position ");
      if (at == std::string::npos) return "";
      return metrics->body.substr(at + 1, metrics->body.find('\n', at + 1) - at - 1);
    }
    return "";
  }
  CommandResult StartVictim(const std::string& address) const {
    return RunProgram("flotilla-store", {"--pd", cluster_.pd_address(), "--listen", address,
                                         "--data-dir", Dir(kVictim)});
  }
  void ExpectRefused(const std::string& address) const {
    for (int attempt = 0; attempt < 2; ++attempt) {
      const CommandResult refused = StartVictim(address);
      EXPECT_EQ(refused.code, 1) << refused.output;
      EXPECT_THAT(refused.output, HasSubstr("data directory " + Dir(kVictim)));
      EXPECT_THAT(refused.output, HasSubstr("is an older copy of itself"));
      EXPECT_THAT(refused.output, HasSubstr("start a new store with an empty directory"));
    }
  }

  ProcessCluster cluster_{"old_copy"};
};

TEST_F(OldCopyTest, AStoreIsRefusedAndItsOwnDataAreTaken) {
  ASSERT_EQ(cluster_.Up({"--stores", "3", "--pds", "1"}).code, 0);
  ASSERT_TRUE(cluster_.AwaitHealthy(seconds(60)));
  Put("before");
  ASSERT_EQ(cluster_.Down().code, 0);
  Copy(kVictim, "copy");
  ASSERT_EQ(cluster_.Up().code, 0);
  ASSERT_TRUE(cluster_.AwaitHealthy(seconds(60)));
  Put("after");
  const std::string address = AddressOfVictim();
  ASSERT_NE(address, "");
  cluster_.Kill(kVictim);
  Move(kVictim, "own");
  Move("copy", kVictim);
  ExpectRefused(address);
  EXPECT_EQ(Get(), "after");
  // Nor when PD was away meanwhile.
  cluster_.Kill("pd-1");
  Move(kVictim, "copy");
  Move("own", kVictim);
  ASSERT_EQ(cluster_.Up().code, 0);
  ASSERT_TRUE(cluster_.AwaitHealthy(seconds(60))) << "with its own data it goes on";
  cluster_.Kill(kVictim);
  Move(kVictim, "own");
  Move("copy", kVictim);
  ExpectRefused(address);
  Put("last");
  EXPECT_EQ(Get(), "last");
}

// The copy is from the same start, and its log is behind what PD was told since.
TEST_F(OldCopyTest, ACopyOfARunningStoreIsRefusedAsWell) {
  ASSERT_EQ(cluster_.Up({"--stores", "3", "--pds", "1"}).code, 0);
  ASSERT_TRUE(cluster_.AwaitHealthy(seconds(60)));
  const std::string address = AddressOfVictim();
  cluster_.Signal(kVictim, SIGSTOP);
  Copy(kVictim, "copy");
  cluster_.Signal(kVictim, SIGCONT);
  const auto client = cluster_.Connect();
  ASSERT_NE(client, nullptr);
  // The second position that PD hears of from now on was read after something was written.
  std::string known = PositionAtPd();
  int heard = 0;
  EXPECT_TRUE(Await(seconds(60), [&] {
    EXPECT_TRUE(client->Put("k", "more").ok());
    const std::string now = PositionAtPd();
    if (now.empty() || now == known) return false;
    ++heard;
    known = now;
    return heard == 2;
  }));
  cluster_.Kill(kVictim);
  Move(kVictim, "own");
  Move("copy", kVictim);
  ExpectRefused(address);
}

TEST_F(OldCopyTest, ANewStoreTakesThePlaceOfARefusedOne) {
  ASSERT_EQ(cluster_.Up({"--stores", "3", "--pds", "1"}).code, 0);
  ASSERT_TRUE(cluster_.AwaitHealthy(seconds(60)));
  cli::PosixProcesses processes;
  int port = 17'000 + getpid() % 1000;
  while (!processes.IsPortFree(port)) ++port;
  const std::string address = "127.0.0.1:" + std::to_string(port);
  const auto pid =
      processes.Spawn({FLOTILLA_BIN_DIR "/flotilla-store", "--pd", cluster_.pd_address(),
                       "--listen", address, "--data-dir", Dir("new")},
                      Dir("logs/new.log"));
  ASSERT_TRUE(pid.ok()) << pid.status();
  EXPECT_TRUE(Await(seconds(30), [&] {
    const CommandResult list = cluster_.Run({"store", "list"});
    return list.code == 0 && list.output.find(address) != std::string::npos;
  }));
  processes.Signal(*pid, SIGKILL);
}

class EmptiedPdTest : public OldCopyTest {
 protected:
  CommandResult StartMember(const std::string& name) const {
    const std::vector<std::string> addresses = absl::StrSplit(cluster_.all_pd_addresses(), ',');
    std::string members;
    std::string own;
    for (size_t i = 0; i < addresses.size(); ++i) {
      const std::string member = "pd-" + std::to_string(i + 1);
      members += (i == 0 ? "" : ",") + member + "=" + addresses[i];
      if (member == name) own = addresses[i];
    }
    return RunProgram("flotilla-pd", {"--name", name, "--listen", own, "--initial-cluster", members,
                                      "--data-dir", Dir(name), "--status-address", ""});
  }
};

TEST_F(EmptiedPdTest, AMemberIsRefusedWithTheWayOutAndTheOthersGoOn) {
  ASSERT_EQ(cluster_.Up({"--stores", "1", "--pds", "3"}).code, 0);
  Put("before");
  const std::string victim = cluster_.PdLeader();
  ASSERT_NE(victim, "");
  cluster_.Kill(victim);
  Move(victim, "own");
  for (int attempt = 0; attempt < 2; ++attempt) {
    const CommandResult refused = StartMember(victim);
    EXPECT_EQ(refused.code, 1) << refused.output;
    EXPECT_THAT(refused.output, HasSubstr("member " + victim + " in " + Dir(victim)));
    EXPECT_THAT(refused.output, HasSubstr("its data directory is empty"));
    EXPECT_THAT(refused.output, HasSubstr("of cluster "));
    EXPECT_THAT(refused.output, HasSubstr("docs/operations.md"));
  }
  Put("meanwhile");
  std::filesystem::remove_all(Dir(victim));
  Move("own", victim);
  ASSERT_EQ(cluster_.Up().code, 0);
  EXPECT_TRUE(cluster_.AwaitHealthy(seconds(60))) << "with its own data it is a member again";
  EXPECT_EQ(Get(), "meanwhile");
}

}  // namespace
}  // namespace flotilla::cluster_test
