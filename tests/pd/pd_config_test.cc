#include "pd/pd_config.h"

#include <gtest/gtest.h>

namespace flotilla::pd {
namespace {

class PdConfigTest : public testing::Test {
 protected:
  PdConfigTest() { AddOptions(options_, config_); }

  absl::Status Read(const std::string& toml) {
    absl::Status status = options_.ParseToml(toml, "pd.toml");
    return status.ok() ? options_.Check() : status;
  }

  PdConfig config_;
  config::OptionSet options_{"flotilla-pd", "A member."};
};

TEST_F(PdConfigTest, DefaultsAreOneMember) {
  ASSERT_TRUE(options_.Check().ok()) << options_.Check();
  const auto members = MembersOf(config_);
  ASSERT_TRUE(members.ok());
  ASSERT_EQ(members->size(), 1u);
  EXPECT_EQ((*members)[0].address, "127.0.0.1:2379");
  EXPECT_NE((*members)[0].id, PeerId());
}

TEST_F(PdConfigTest, MembersComeFromInitialCluster) {
  ASSERT_TRUE(Read("name = 'b'\nlisten = 'h:2'\n"
                   "initial-cluster = ['a=h:1', 'b=h:2', 'c=h:3']")
                  .ok());
  const auto members = MembersOf(config_);
  ASSERT_TRUE(members.ok());
  const MemberList list(*members, "b");
  EXPECT_EQ(list.self().address, "h:2");
  EXPECT_EQ(list.Find(MemberId("c"))->name, "c");
  EXPECT_EQ(list.Find(PeerId(7)), nullptr);
}

TEST_F(PdConfigTest, BadConfigurationsNameTheKey) {
  const std::pair<const char*, const char*> bad[] = {
      {"name = 'x'\ninitial-cluster = ['a=h:1']", "initial-cluster"},
      {"name = 'a'\ninitial-cluster = ['a=h:1', 'b=h:2']", "initial-cluster"},
      {"name = 'a'\nlisten = 'h:9'\ninitial-cluster = ['a=h:1']", "advertises"},
      {"name = 'a'\nlisten = 'h:1'\ninitial-cluster = ['a=h:1', 'a=h:2', 'c=h:3']", "twice"},
      {"name = 'a'\nlisten = 'h:1'\ninitial-cluster = ['a=h:1', 'b=h:1', 'c=h:3']", "twice"},
      {"name = 'a'\ninitial-cluster = ['a']", "name=host:port"},
      {"name = ''", "name"},
      {"data-dir = ''", "data-dir"},
      {"[raft]\nheartbeat-ticks = 9", "raft.heartbeat-ticks"},
      {"[schedule]\nmax-replicas = 0", "max-replicas"},
      {"[server]\nmax-connections = 15", "server.max-connections"},
      {"colour = 'red'", "colour"},
  };
  for (const auto& [toml, word] : bad) {
    PdConfig config;
    config::OptionSet options("flotilla-pd", "A member.");
    AddOptions(options, config);
    absl::Status status = options.ParseToml(toml, "pd.toml");
    if (status.ok()) status = options.Check();
    EXPECT_FALSE(status.ok()) << toml;
    EXPECT_NE(status.message().find(word), std::string::npos) << status;
  }
}

TEST(MemberIdTest, IsMadeOfTheName) {
  EXPECT_EQ(MemberId("pd1"), MemberId("pd1"));
  EXPECT_NE(MemberId("pd1"), MemberId("pd2"));
}

}  // namespace
}  // namespace flotilla::pd
