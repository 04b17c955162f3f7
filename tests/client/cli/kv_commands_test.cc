// What `flotilla kv` says and ends with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include "tests/client/cli/cli_harness.h"

namespace flotilla::cli {
namespace {

using testing::CliHarness;
using testing::CliResult;
using ::testing::HasSubstr;

class KvCommandsTest : public ::testing::Test {
 protected:
  void Put(const std::string& key, const std::string& value) {
    ASSERT_EQ(cli_.Run({"kv", "put", key, value}).code, ExitCode::kOk);
  }
  CliHarness cli_;
};

TEST_F(KvCommandsTest, PutAndGet) {
  Put("k", "value");
  const CliResult result = cli_.Run({"kv", "get", "k"});
  EXPECT_EQ(result.code, ExitCode::kOk);
  EXPECT_EQ(result.out, "value\n");
  EXPECT_EQ(cli_.Run({"kv", "get", "k", "--raw"}).out, "value");
  EXPECT_EQ(cli_.RunJson({"kv", "get", "k"}).Dump(), R"({"key":"k","found":true,"value":"value"})");
  EXPECT_EQ(cli_.RunJson({"kv", "put", "k", "x"}).Dump(), R"({"key":"k","written":true})");
}

TEST_F(KvCommandsTest, AMissingKeyIsNotFound) {
  const CliResult result = cli_.Run({"kv", "get", "nothing"});
  EXPECT_EQ(result.code, ExitCode::kNotFound);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("there is no key nothing"));
  EXPECT_EQ(cli_.RunJson({"kv", "get", "nothing"}, ExitCode::kNotFound).Dump(),
            R"({"key":"nothing","found":false})");
}

TEST_F(KvCommandsTest, KeysAndValuesAreAnyBytes) {
  Put(R"(\x00\xff)", R"(a\nb\\)");
  EXPECT_EQ(cli_.Run({"kv", "get", "00ff", "--hex"}).out, "610a625c\n");
  EXPECT_EQ(cli_.Run({"kv", "get", R"(\0\xff)"}).out, "a\\nb\\\\\n");
  EXPECT_EQ(cli_.RunJson({"kv", "get", R"(\0\xff)"}).Dump(),
            R"({"key_hex":"00ff","found":true,"value":"a\nb\\"})");
  const CliResult wrong = cli_.Run({"kv", "get", R"(\q)"});
  EXPECT_EQ(wrong.code, ExitCode::kFailed);
  EXPECT_THAT(wrong.err, HasSubstr("not an escape"));
}

TEST_F(KvCommandsTest, AValueMayComeFromInput) {
  EXPECT_EQ(cli_.Run({"kv", "put", "k", "-"}, "all\nof\\it").code, ExitCode::kOk);
  EXPECT_EQ(cli_.Run({"kv", "get", "k", "--raw"}).out, "all\nof\\it");
}

TEST_F(KvCommandsTest, Ttl) {
  EXPECT_EQ(cli_.Run({"kv", "put", "k", "v", "--ttl", "60"}).code, ExitCode::kOk);
  Put("forever", "v");
  EXPECT_EQ(cli_.Run({"kv", "ttl", "k"}).out, "60 s\n");
  EXPECT_EQ(cli_.Run({"kv", "ttl", "forever"}).out, "no end\n");
  EXPECT_EQ(cli_.Run({"kv", "ttl", "none"}).code, ExitCode::kNotFound);
  EXPECT_EQ(cli_.RunJson({"kv", "ttl", "k"}).Dump(), R"({"found":true,"ttl_seconds":60})");
}

TEST_F(KvCommandsTest, Scan) {
  for (const char* key : {"a1", "a2", "b1"}) Put(key, std::string("v") + key);
  EXPECT_EQ(cli_.Run({"kv", "scan"}).out, "a1\tva1\na2\tva2\nb1\tvb1\n");
  EXPECT_EQ(cli_.Run({"kv", "scan", "--prefix", "a", "--keys-only"}).out, "a1\na2\n");
  const CliResult cut = cli_.Run({"kv", "scan", "--reverse", "--limit", "1"});
  EXPECT_EQ(cut.out, "b1\tvb1\n");
  EXPECT_THAT(cut.err, HasSubstr("more rows than --limit 1"));
  EXPECT_EQ(cli_.Run({"kv", "scan", "--limit", "3"}).err, "");
  EXPECT_EQ(cli_.RunJson({"kv", "scan", "--limit", "1", "--keys-only"}).Dump(),
            R"({"rows":[{"key":"a1"}],"more":true})");
  EXPECT_EQ(cli_.Run({"kv", "scan", "--start", "a2", "--end", "b1"}).out, "a2\tva2\n");
  EXPECT_EQ(cli_.RunJson({"kv", "scan", "--prefix", "b"}).Dump(),
            R"({"rows":[{"key":"b1","value":"vb1"}]})");
  EXPECT_EQ(cli_.Run({"kv", "scan", "--prefix", "a", "--start", "b"}).code, ExitCode::kUsage);
}

TEST_F(KvCommandsTest, Delete) {
  for (const char* key : {"a1", "a2", "b1", "c1"}) Put(key, "v");
  EXPECT_EQ(cli_.Run({"kv", "delete"}).code, ExitCode::kUsage);
  EXPECT_EQ(cli_.Run({"kv", "delete", "x", "--all"}).code, ExitCode::kUsage);
  EXPECT_EQ(cli_.Run({"kv", "delete", "b1", "nothing"}).code, ExitCode::kOk);
  EXPECT_EQ(cli_.Run({"kv", "delete", "--prefix", "a"}).code, ExitCode::kOk);
  EXPECT_EQ(cli_.Run({"kv", "scan", "--keys-only"}).out, "c1\n");
  EXPECT_EQ(cli_.RunJson({"kv", "delete", "--all"}).Dump(), R"({"deleted":true})");
  EXPECT_EQ(cli_.Run({"kv", "scan"}).out, "");
}

TEST_F(KvCommandsTest, Cas) {
  EXPECT_EQ(cli_.Run({"kv", "cas", "k", "1"}).code, ExitCode::kUsage);
  EXPECT_EQ(cli_.Run({"kv", "cas", "k", "1", "--absent"}).code, ExitCode::kOk);
  const CliResult refused = cli_.Run({"kv", "cas", "k", "2", "--absent"});
  EXPECT_EQ(refused.code, ExitCode::kNotSwapped);
  EXPECT_EQ(refused.out, "not swapped: the key holds 1\n");
  EXPECT_EQ(cli_.RunJson({"kv", "cas", "k", "2", "--expect", "1"}).Dump(),
            R"({"swapped":true,"found":true,"previous":"1"})");
}

TEST_F(KvCommandsTest, AnUndeterminedWriteHasItsOwnExitCode) {
  client::testing::Script script;
  script.rpc_error = absl::UnavailableError("reset");
  cli_.cluster().AddScript(0, script);
  const CliResult result = cli_.Run({"kv", "cas", "k", "1", "--absent"});
  EXPECT_EQ(result.code, ExitCode::kUndetermined);
  EXPECT_THAT(result.err, HasSubstr("undetermined"));
  cli_.cluster().AddScript(0, script);
  const Json json = cli_.RunJson({"kv", "cas", "k", "1", "--absent"}, ExitCode::kUndetermined);
  EXPECT_EQ(json.Find("error")->Find("code")->string(), "UNDETERMINED");
}

TEST_F(KvCommandsTest, APlainWriteIsUndeterminedToo) {
  client::testing::Script script;
  script.rpc_error = absl::UnavailableError("reset");
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"kv", "put", "k", "1"}, {"kv", "delete", "k"}, {"kv", "delete", "--prefix", "k"}}) {
    cli_.cluster().AddScript(0, script);
    EXPECT_EQ(cli_.Run(words).code, ExitCode::kUndetermined) << words[1];
  }
}

TEST_F(KvCommandsTest, ALoadGoesOnOverABrokenConnection) {
  client::testing::Script script;
  script.rpc_error = absl::UnavailableError("reset");
  cli_.cluster().AddScript(0, script);
  const CliResult loaded = cli_.Run({"kv", "load", "-", "--verify"}, "a\t1\nb\t2\n");
  EXPECT_EQ(loaded.code, ExitCode::kOk) << loaded.err;
}

TEST_F(KvCommandsTest, AClusterThatIsAwayHasItsOwnExitCode) {
  for (const uint64_t store : {1, 2, 3}) cli_.cluster().StopStore(store);
  EXPECT_EQ(cli_.Run({"kv", "put", "k", "v", "--timeout", "0.05"}).code, ExitCode::kUnavailable);
  const Json json = cli_.RunJson({"kv", "get", "k", "--timeout", "0.05"}, ExitCode::kUnavailable);
  EXPECT_EQ(json.Find("error")->Find("code")->string(), "DEADLINE_EXCEEDED");
}

TEST_F(KvCommandsTest, AWrongKeyspaceIsNotFound) {
  EXPECT_EQ(cli_.Run({"kv", "get", "k", "--keyspace", "other"}).code, ExitCode::kNotFound);
}

TEST_F(KvCommandsTest, ADumpIsInKeyOrderOverAllRegions) {
  std::string text;
  for (int i = 1000; i < 3000; ++i) text += fmt::format("k{}\tvalue {}\n", i, i);
  ASSERT_EQ(cli_.Run({"kv", "load", "-"}, text).code, ExitCode::kOk);
  const std::string whole = cli_.RunJson({"kv", "checksum"}).Dump();
  for (const char* border : {"k1500", "k1501", "k2200"}) cli_.cluster().Split(border);
  for (const char* concurrency : {"1", "2", "8"}) {
    EXPECT_EQ(cli_.Run({"kv", "dump", "--concurrency", concurrency}).out, text);
    EXPECT_EQ(cli_.RunJson({"kv", "checksum", "--read", "--concurrency", concurrency}).Dump(),
              whole);
  }
  const CliResult part = cli_.Run({"kv", "dump", "--start", "k1499", "--end", "k1502"});
  EXPECT_EQ(part.out, "k1499\tvalue 1499\nk1500\tvalue 1500\nk1501\tvalue 1501\n");
  EXPECT_EQ(cli_.Run({"kv", "dump", "--start", "k1500", "--end", "k1500"}).out, "");
  EXPECT_EQ(cli_.Run({"kv", "dump", "--start", "k2", "--end", "k1"}).code, ExitCode::kFailed);
}

TEST_F(KvCommandsTest, ADumpShowsHowFarItIs) {
  ASSERT_EQ(cli_.Run({"kv", "load", "-"}, "a\t1\nb\t2\n").code, ExitCode::kOk);
  EXPECT_EQ(cli_.Run({"kv", "dump"}).err, "");
  EXPECT_THAT(cli_.Run({"kv", "dump", "--progress"}).err, HasSubstr("100 %  2 dumped"));
}

TEST_F(KvCommandsTest, LoadAndDumpAndChecksum) {
  const std::string text = "a\t1\nb\t2\nb\t3\n\\xff\tbytes\n";
  const CliResult loaded = cli_.Run({"kv", "load", "-", "--verify"}, text);
  EXPECT_EQ(loaded.code, ExitCode::kOk) << loaded.err;
  EXPECT_THAT(loaded.out, HasSubstr("loaded 4 records"));
  EXPECT_THAT(loaded.out, HasSubstr("verified: 3 keys"));
  EXPECT_EQ(cli_.Run({"kv", "dump"}).out, "a\t1\nb\t3\n\\xff\tbytes\n");
  EXPECT_EQ(cli_.Run({"kv", "dump", "--format", "jsonl", "--prefix", "a"}).out,
            "{\"key\":\"a\",\"value\":\"1\"}\n");
  const Json in_stores = cli_.RunJson({"kv", "checksum"});
  EXPECT_EQ(in_stores.Find("keys")->integer(), 3);
  EXPECT_EQ(in_stores.Dump(), cli_.RunJson({"kv", "checksum", "--read"}).Dump());
}

TEST_F(KvCommandsTest, LoadsStanzasUnderAPrefix) {
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += "Package: p" + std::to_string(i) + "\nVersion: " + std::to_string(i) + "\n\n";
  }
  cli_.cluster().Split("packages/p5");
  const Json json = cli_.RunJson({"kv", "load", "-", "--format", "deb822", "--key", "Package",
                                  "--prefix", "packages/", "--verify"},
                                 ExitCode::kOk, text);
  EXPECT_EQ(json.Find("records")->integer(), 1000);
  EXPECT_EQ(json.Find("verified")->Find("keys")->integer(), 1000);
  EXPECT_EQ(cli_.Run({"kv", "get", "packages/p7", "--raw"}).out, "Package: p7\nVersion: 7\n");
}

TEST_F(KvCommandsTest, VerifyFindsWhatDiffers) {
  Put("other", "there before, so that pairs are compared one by one");
  ASSERT_EQ(cli_.Run({"kv", "load", "-", "--verify"}, "a\t1\nb\t2\n").code, ExitCode::kOk);
  // The look at what is there, the write, the read: before the last, the key is spoilt.
  for (int i = 0; i < 2; ++i) cli_.cluster().AddScript(0, client::testing::Script());
  client::testing::Script script;
  script.before = [this] { cli_.cluster().Spoil("c", "wrong"); };
  cli_.cluster().AddScript(0, script);
  const CliResult result = cli_.Run({"kv", "load", "-", "--verify"}, "c\t3\n");
  EXPECT_EQ(result.code, ExitCode::kMismatch) << result.out;
  EXPECT_THAT(result.err, HasSubstr("key c holds another value"));
}

TEST_F(KvCommandsTest, AWrongFileNamesTheLine) {
  const CliResult result = cli_.Run({"kv", "load", "-"}, "a\t1\nwrong\n");
  EXPECT_EQ(result.code, ExitCode::kFailed);
  EXPECT_THAT(result.err, HasSubstr("line 2"));
  EXPECT_EQ(cli_.Run({"kv", "load", "/no/such/file"}).code, ExitCode::kFailed);
}

TEST_F(KvCommandsTest, ProgressIsShownWhenForced) {
  EXPECT_EQ(cli_.Run({"kv", "load", "-"}, "a\t1\n").err, "");
  EXPECT_THAT(cli_.Run({"kv", "load", "-", "--progress"}, "a\t1\n").err, HasSubstr("1 loaded"));
  EXPECT_THAT(cli_.Run({"kv", "dump", "--progress"}).err, HasSubstr("100 %"));
}

TEST_F(KvCommandsTest, TheShellRunsLinesInOneSession) {
  const CliResult result = cli_.Run({"kv", "shell"},
                                    "put 'a key' \"a value\"\n"
                                    "# a remark\n"
                                    "\n"
                                    "get 'a key'\n"
                                    "region list --json\n"
                                    "scan --keys-only\n"
                                    "exit\n"
                                    "put never reached\n");
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_THAT(result.out, HasSubstr("a value\n"));
  EXPECT_THAT(result.out, HasSubstr("{\"regions\":["));
  EXPECT_THAT(result.out, HasSubstr("a key\n"));
  EXPECT_EQ(cli_.cluster().entries().size(), 1u);
}

TEST_F(KvCommandsTest, AScriptThatFailedAnywhereFailed) {
  EXPECT_EQ(cli_.Run({"kv", "shell"}, "get nothing\nput a b\n").code, ExitCode::kNotFound);
  EXPECT_EQ(cli_.Run({"kv", "shell"}, "put 'a b\n").code, ExitCode::kFailed);
  EXPECT_EQ(cli_.Run({"kv", "shell"}, "nonsense\n").code, ExitCode::kUsage);
  EXPECT_EQ(cli_.Run({"kv", "shell"}, "shell\n").code, ExitCode::kUsage);
}

}  // namespace
}  // namespace flotilla::cli
