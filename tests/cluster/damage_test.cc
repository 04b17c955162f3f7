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

#include "tests/cluster/await.h"
#include "tests/cluster/process_cluster.h"

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

}  // namespace
}  // namespace flotilla::cluster_test
