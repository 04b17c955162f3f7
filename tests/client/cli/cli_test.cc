// The command line as a whole: global options, usage, lists, status, completion.
#include "client/cli/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/client/cli/cli_harness.h"

namespace flotilla::cli {
namespace {

using testing::CliHarness;
using testing::CliResult;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CliTest, WrongUsageIsTwo) {
  CliHarness cli;
  for (const std::vector<std::string>& line :
       std::vector<std::vector<std::string>>{{},
                                             {"nonsense"},
                                             {"kv"},
                                             {"kv", "get"},
                                             {"kv", "get", "a", "b"},
                                             {"--wrong", "status"},
                                             {"kv", "put", "k", "v", "--ttl", "-1"},
                                             {"--api-version", "3", "status"},
                                             {"region", "show", "x"},
                                             {"completion", "tcsh"},
                                             {"up"},
                                             {"bench", "--workload", "q"}}) {
    EXPECT_EQ(cli.Run(line).code, ExitCode::kUsage) << ::testing::PrintToString(line);
  }
}

TEST(CliTest, HelpSaysExitCodesAndEscapes) {
  CliHarness cli;
  const CliResult result = cli.Run({"--help"});
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_THAT(result.out, HasSubstr("Exit codes: 0 success"));
  EXPECT_THAT(result.out, HasSubstr("\\xHH"));
  EXPECT_EQ(cli.Run({"kv", "get", "--help"}).code, ExitCode::kOk);
  EXPECT_THAT(cli.Run({"--version"}).out, HasSubstr("flotilla "));
}

TEST(CliTest, PdComesFromFlagThenVariableThenDefault) {
  CliHarness cli;
  cli.Run({"keyspace", "list"});
  EXPECT_THAT(cli.last_options().pd_addresses, ElementsAre("127.0.0.1:2379"));
  cli.variables()["FLOTILLA_PD"] = "a:1,b:2";
  cli.Run({"keyspace", "list"});
  EXPECT_THAT(cli.last_options().pd_addresses, ElementsAre("a:1", "b:2"));
  cli.Run({"keyspace", "list", "--pd", "c:3"});
  EXPECT_THAT(cli.last_options().pd_addresses, ElementsAre("c:3"));
  EXPECT_EQ(cli.last_options().transport, client::Transport::kBatch);
  cli.Run({"keyspace", "list", "--unary"});
  EXPECT_EQ(cli.last_options().transport, client::Transport::kUnary);
}

TEST(CliTest, AMisspeltCommandIsNamed) {
  CliHarness cli;
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"nonsense"}, {"--json", "nonsense", "x"}, {"kv", "nonsense"}}) {
    const CliResult result = cli.Run(words);
    EXPECT_EQ(result.code, ExitCode::kUsage);
    EXPECT_THAT(result.err, HasSubstr("there is no command 'nonsense'"));
  }
  EXPECT_THAT(cli.Run({"kv"}).err, HasSubstr("required"));
  EXPECT_THAT(cli.Run({"kv", "get"}).err, HasSubstr("key is required"));
}

TEST(CliTest, RegionsAreListedWithUserKeys) {
  CliHarness cli;
  const uint64_t right = cli.cluster().Split("m\n");
  cli.cluster().TransferLeader(right, 2);
  const CliResult table = cli.Run({"region", "list"});
  EXPECT_EQ(table.code, ExitCode::kOk);
  EXPECT_THAT(table.out, HasSubstr("m\\n"));
  EXPECT_THAT(table.out, HasSubstr("1 2* 3"));
  const Json json = cli.RunJson({"region", "list"});
  const Json::Array& regions = json.Find("regions")->array();
  ASSERT_EQ(regions.size(), 2u);
  EXPECT_EQ(regions[0].Find("end_key")->string(), "m\\n");
  EXPECT_EQ(regions[1].Find("leader_store")->integer(), 2);
  EXPECT_EQ(regions[1].Find("peers")->array().size(), 3u);
  EXPECT_EQ(cli.RunJson({"region", "key", "z"}).Find("id")->integer(), static_cast<int64_t>(right));
  EXPECT_EQ(cli.RunJson({"region", "show", "1"}).Find("id")->integer(), 1);
  EXPECT_EQ(cli.Run({"region", "show", "4711"}).code, ExitCode::kNotFound);
}

TEST(CliTest, RegionsAreSplit) {
  CliHarness cli;
  const Json json = cli.RunJson({"region", "split", "m", "d"});
  EXPECT_EQ(json.Find("regions")->array().size(), 3u);
  EXPECT_EQ(cli.RunJson({"region", "list"}).Find("regions")->array().size(), 3u);
  EXPECT_THAT(cli.Run({"region", "split", "--key", "m"}).out, HasSubstr("nothing to split"));
  EXPECT_EQ(cli.Run({"region", "split", ""}).code, ExitCode::kFailed);
}

TEST(CliTest, Keyspaces) {
  CliHarness cli;
  EXPECT_THAT(cli.Run({"keyspace", "list"}).out, HasSubstr("DEFAULT"));
  EXPECT_EQ(cli.RunJson({"keyspace", "create", "mine"}).Find("name")->string(), "mine");
  EXPECT_EQ(cli.Run({"keyspace", "create", "mine"}).code, ExitCode::kFailed);
  EXPECT_EQ(cli.RunJson({"keyspace", "list"}).Find("keyspaces")->array().size(), 2u);
  EXPECT_EQ(cli.Run({"kv", "put", "k", "v", "--keyspace", "mine"}).code, ExitCode::kOk);
}

TEST(CliTest, StoresCountTheirLeaders) {
  CliHarness cli;
  cli.cluster().TransferLeader(cli.cluster().Split("m"), 3);
  const Json json = cli.RunJson({"store", "list"});
  const Json::Array& stores = json.Find("stores")->array();
  ASSERT_EQ(stores.size(), 3u);
  EXPECT_EQ(stores[0].Find("leaders")->integer(), 1);
  EXPECT_EQ(stores[1].Find("leaders")->integer(), 0);
  EXPECT_EQ(stores[2].Find("peers")->integer(), 2);
  EXPECT_THAT(cli.Run({"store", "list"}).out, HasSubstr("store-2"));
}

TEST(CliTest, AStoreIsDeclaredLostOnlyWhenThatWasMeant) {
  CliHarness cli;
  const CliResult refused = cli.Run({"store", "declare-lost", "3"});
  EXPECT_EQ(refused.code, ExitCode::kFailed);
  EXPECT_THAT(refused.err, HasSubstr("say --yes"));
  EXPECT_EQ(cli.Run({"store", "declare-lost", "9", "--yes"}).code, ExitCode::kNotFound);
  EXPECT_EQ(cli.Run({"store", "declare-lost"}).code, ExitCode::kUsage);
  EXPECT_EQ(cli.Run({"status"}).code, ExitCode::kOk);

  EXPECT_THAT(cli.Run({"store", "declare-lost", "3", "--yes"}).out,
              HasSubstr("store 3 is declared lost; its replica is made anew"));
  EXPECT_THAT(cli.Run({"status"}).out,
              HasSubstr("store 3 at store-3 was declared lost: 1 replica still to be made"));
  EXPECT_THAT(cli.Run({"store", "list"}).out, HasSubstr("lost"));
  EXPECT_EQ(cli.RunJson({"store", "declare-lost", "2", "--yes"}).Find("replicas")->integer(), 1);
}

TEST(CliTest, StatusOfAHealthyCluster) {
  CliHarness cli;
  const CliResult result = cli.Run({"status"});
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_THAT(result.out, HasSubstr("3 PD members, 3 stores, 1 region\n"));
  EXPECT_THAT(result.out, HasSubstr("all is well"));
  const Json json = cli.RunJson({"status"});
  EXPECT_TRUE(json.Find("healthy")->boolean());
  EXPECT_EQ(json.Find("members")->array().size(), 3u);
  EXPECT_TRUE(json.Find("problems")->array().empty());
}

TEST(CliTest, StatusSaysWhatIsWrong) {
  CliHarness cli;
  cli.probe().dead.insert("store-1");
  const CliResult result = cli.Run({"status"});
  EXPECT_EQ(result.code, ExitCode::kUnhealthy);
  EXPECT_THAT(result.out, HasSubstr("! store 1 at store-1 does not answer"));
  EXPECT_THAT(result.out, HasSubstr("! region 1 led, as PD believes, by a store that does not"));
  cli.cluster().AddPdError(absl::UnavailableError("no PD leader"));
  EXPECT_EQ(cli.Run({"status"}).code, ExitCode::kUnavailable);
}

TEST(CliTest, CompletionScriptsAreOfTheWholeTree) {
  CliHarness cli;
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const CliResult result = cli.Run({"completion", shell});
    EXPECT_EQ(result.code, ExitCode::kOk);
    for (const char* word : {"checksum", "keyspace", "--concurrency", "completion"}) {
      const std::string wanted =
          std::string(shell) == "fish" && word[0] == '-' ? "-l concurrency" : word;
      EXPECT_THAT(result.out, HasSubstr(wanted)) << shell;
    }
  }
}

// Completes by bash itself.
TEST(CliTest, TheBashScriptCompletes) {
  CliHarness cli;
  const std::string path = ::testing::TempDir() + "/flotilla_completion.bash";
  std::ofstream(path) << cli.Run({"completion", "bash"}).out
                      << "COMP_WORDS=(flotilla kv lo); COMP_CWORD=2; _flotilla\n"
                         "echo \"${COMPREPLY[*]}\"\n"
                         "COMP_WORDS=(flotilla --pd x region split --ke); COMP_CWORD=5; _flotilla\n"
                         "echo \"${COMPREPLY[*]}\"\n";
  std::FILE* pipe = popen(("bash " + path).c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  char buffer[256] = {};
  const size_t length = std::fread(buffer, 1, sizeof(buffer) - 1, pipe);
  EXPECT_EQ(pclose(pipe), 0);
  EXPECT_EQ(std::string(buffer, length), "load\n--key --keyspace\n");
}

}  // namespace
}  // namespace flotilla::cli
