#include "common/config/option_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/units.h"

namespace flotilla::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using testing::AllOf;
using testing::HasSubstr;
using namespace std::chrono_literals;

struct SampleConfig {
  std::string listen = "127.0.0.1:20160";
  std::string log_level = "info";
  std::vector<std::string> pd = {"127.0.0.1:2379"};
  uint32_t workers = 2;
  int64_t offset = -5;
  double ratio = 0.9;
  bool sync = true;
  nanoseconds tick = 100ms;
  milliseconds election_timeout = 1000ms;
  uint64_t split_size = 96 * kMiB;
};

class OptionSetTest : public testing::Test {
 protected:
  OptionSetTest() {
    options_.Add(&config_.listen, {"listen", "Address that clients connect to."});
    options_.Add(&config_.log_level, {"log.level", "Least level of a line in the log."},
                 {"debug", "info", "error"});
    options_.Add(&config_.pd, {"pd", "Addresses of PD members."});
    options_.Add(&config_.workers, {"raft.workers", "Threads that run Raft.", "threads"}, {1, 64});
    options_.Add(&config_.offset, {"offset", "Any number."});
    options_.Add(&config_.ratio, {"raft.lease-ratio", "Lease by election timeout."}, {0.1, 0.9});
    options_.Add(&config_.sync, {"raft.sync", "Syncs the log."});
    options_.Add(&config_.tick, {"raft.tick", "Length of a Raft tick."}, {10ms, 10s});
    options_.Add(&config_.election_timeout, {"raft.election-timeout", "Patience of a follower."},
                 {100ms, 60s});
    options_.AddSize(&config_.split_size, {"split.size", "Size at which a region is split."},
                     {64 * kKiB, 8 * kGiB});
    options_.AddCheck([this] {
      if (config_.tick < config_.election_timeout) return absl::OkStatus();
      return absl::InvalidArgumentError("raft.tick: must be shorter than raft.election-timeout");
    });
  }

  absl::StatusOr<Action> Parse(std::vector<const char*> flags) {
    flags.insert(flags.begin(), "sample");
    return options_.Parse(static_cast<int>(flags.size()), flags.data());
  }

  std::string ParseError(std::vector<const char*> flags) {
    const auto action = Parse(std::move(flags));
    return action.ok() ? "no error" : std::string(action.status().message());
  }

  std::string TomlError(const std::string& text) {
    const absl::Status status = options_.ParseToml(text, "sample.toml");
    return status.ok() ? "no error" : std::string(status.message());
  }

  // Writes `text` to a file of this test and returns its path.
  std::string WriteFile(const std::string& text) {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() /
            (std::string("flotilla_option_set_") + info->name() + ".toml");
    std::ofstream(path_) << text;
    return path_;
  }

  ~OptionSetTest() override {
    if (!path_.empty()) std::filesystem::remove(path_);
  }

  SampleConfig config_;
  OptionSet options_{"sample", "A program with options."};
  std::filesystem::path path_;
};

TEST_F(OptionSetTest, WithoutFlagsTheDefaultsStay) {
  ASSERT_EQ(*Parse({}), Action::kRun);
  EXPECT_EQ(config_.listen, "127.0.0.1:20160");
  EXPECT_EQ(config_.split_size, 96 * kMiB);
}

TEST_F(OptionSetTest, FlagsOfEveryKind) {
  const auto action =
      Parse({"--listen=0.0.0.0:1", "--log.level", "debug", "--pd", "a:1,b:2", "--raft.workers=4",
             "--offset=-12", "--raft.lease-ratio", "0.5", "--raft.sync=false", "--raft.tick=20ms",
             "--raft.election-timeout=2s", "--split.size=1MiB"});
  ASSERT_TRUE(action.ok()) << action.status();
  EXPECT_EQ(config_.listen, "0.0.0.0:1");
  EXPECT_EQ(config_.log_level, "debug");
  EXPECT_EQ(config_.pd, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_EQ(config_.workers, 4u);
  EXPECT_EQ(config_.offset, -12);
  EXPECT_EQ(config_.ratio, 0.5);
  EXPECT_FALSE(config_.sync);
  EXPECT_EQ(config_.tick, 20ms);
  EXPECT_EQ(config_.election_timeout, 2s);
  EXPECT_EQ(config_.split_size, kMiB);
}

TEST_F(OptionSetTest, ABareBooleanFlagMeansTrue) {
  config_.sync = false;
  ASSERT_TRUE(Parse({"--raft.sync", "--offset", "3"}).ok());
  EXPECT_TRUE(config_.sync);
}

TEST_F(OptionSetTest, FlagsWinOverTheFile) {
  const std::string path = WriteFile(
      "listen = \"1.1.1.1:1\"\n"
      "[raft]\nworkers = 8\ntick = \"50ms\"\n");
  ASSERT_TRUE(Parse({"--raft.workers=3", "--config", path.c_str()}).ok());
  EXPECT_EQ(config_.workers, 3u);
  EXPECT_EQ(config_.listen, "1.1.1.1:1");
  EXPECT_EQ(config_.tick, 50ms);
}

TEST_F(OptionSetTest, FilesOfEveryType) {
  ASSERT_EQ(TomlError("offset = 7\npd = [\"x:1\", \"y:2\"]\n"
                      "[split]\nsize = 131072\n[raft]\nlease-ratio = 0.25\nsync = "
                      "false\nelection-timeout = \"3s\"\n"),
            "no error");
  EXPECT_EQ(config_.offset, 7);
  EXPECT_EQ(config_.pd, (std::vector<std::string>{"x:1", "y:2"}));
  EXPECT_EQ(config_.ratio, 0.25);
  EXPECT_EQ(config_.split_size, 128 * kKiB);
  EXPECT_FALSE(config_.sync);
  EXPECT_EQ(config_.election_timeout, 3s);
}

TEST_F(OptionSetTest, AnUnknownKeyIsNamedWithItsLine) {
  EXPECT_THAT(TomlError("listen = \"a:1\"\n\n[raft]\nworker = 3\n"),
              AllOf(HasSubstr("sample.toml:4: raft.worker:"), HasSubstr("unknown key")));
}

TEST_F(OptionSetTest, AWrongTypeNamesBothTypes) {
  EXPECT_THAT(TomlError("[raft]\nworkers = \"3\"\n"),
              HasSubstr("sample.toml:2: raft.workers: is a string, but must be an integer"));
  EXPECT_THAT(TomlError("[raft]\ntick = 100\n"),
              HasSubstr("raft.tick: is an integer, but must be a duration"));
  EXPECT_THAT(TomlError("pd = [1, 2]\n"), HasSubstr("must be a list of strings"));
  EXPECT_THAT(TomlError("listen = 1979-05-27\n"), HasSubstr("is a date or time"));
  EXPECT_THAT(TomlError("[listen]\nhost = \"a\"\n"), HasSubstr("listen.host: unknown key"));
}

TEST_F(OptionSetTest, AValueOutOfRangeNamesTheLimit) {
  EXPECT_THAT(TomlError("[raft]\ntick = \"5ms\"\n"),
              HasSubstr("sample.toml:2: raft.tick: 5ms is out of range: it must be 10ms to 10s"));
  EXPECT_THAT(TomlError("[split]\nsize = \"1KiB\"\n"), HasSubstr("it must be 64KiB to 8GiB"));
  EXPECT_THAT(ParseError({"--raft.workers=65"}),
              HasSubstr("--raft.workers: 65 is out of range: it must be 1 to 64"));
  EXPECT_THAT(ParseError({"--raft.lease-ratio=1.5"}), HasSubstr("--raft.lease-ratio: 1.5"));
  EXPECT_THAT(ParseError({"--raft.lease-ratio=nan"}), HasSubstr("out of range"));
  EXPECT_THAT(ParseError({"--log.level=loud"}), HasSubstr("one of debug, info, error"));
}

TEST_F(OptionSetTest, AtTheLimitIsAllowed) {
  EXPECT_EQ(ParseError({"--raft.workers=64", "--raft.tick=10ms", "--split.size=8GiB"}), "no error");
}

TEST_F(OptionSetTest, AnIntegerThatItsVariableCannotHoldIsRefused) {
  uint16_t port = 1;
  options_.Add(&port, {"port", "A port."});
  EXPECT_THAT(ParseError({"--port=65536"}), HasSubstr("0 to 65535"));
  EXPECT_EQ(port, 1);
}

TEST_F(OptionSetTest, APartOfAMillisecondIsRefused) {
  EXPECT_THAT(ParseError({"--raft.election-timeout=200500us"}),
              HasSubstr("not a whole number of milliseconds"));
}

TEST_F(OptionSetTest, BadSyntaxNamesFileAndLine) {
  EXPECT_THAT(TomlError("a = 1\nb = = 2\n"), HasSubstr("sample.toml:2: "));
}

TEST_F(OptionSetTest, AnEmptyFileIsAllowed) {
  const std::string path = WriteFile("");
  EXPECT_EQ(ParseError({"--config", path.c_str()}), "no error");
}

TEST_F(OptionSetTest, AFileThatCannotBeReadIsNamed) {
  EXPECT_THAT(ParseError({"--config", "/nonexistent/x.toml"}), HasSubstr("/nonexistent/x.toml"));
  EXPECT_THAT(ParseError({"--config", "/tmp"}), HasSubstr("/tmp: cannot be read"));
}

TEST_F(OptionSetTest, UnknownFlagsAndPositionalsAreNamed) {
  EXPECT_THAT(ParseError({"--raft.worker=3"}), HasSubstr("--raft.worker"));
  EXPECT_THAT(ParseError({"stray"}), HasSubstr("stray"));
  EXPECT_NE(ParseError({"--listen"}), "no error");
}

TEST_F(OptionSetTest, ChecksOfSeveralValuesRunAfterAllWereSet) {
  EXPECT_THAT(ParseError({"--raft.tick=2s"}), HasSubstr("raft.tick: must be shorter"));
  EXPECT_EQ(ParseError({"--raft.tick=2s", "--raft.election-timeout=20s"}), "no error");
}

TEST_F(OptionSetTest, ARequiredOptionMustBeGiven) {
  std::string data;
  options_.Add(&data, {.name = "data", .description = "Data directory.", .required = true});
  EXPECT_THAT(ParseError({}), HasSubstr("data: is required"));
  EXPECT_EQ(*Parse({"--help"}), Action::kHelp);
  EXPECT_EQ(ParseError({"--data=/x"}), "no error");
}

TEST_F(OptionSetTest, HelpNamesEveryOptionWithDefaultUnitAndLimits) {
  const std::string help = options_.HelpText();
  for (const Option& option : options_.options()) EXPECT_THAT(help, HasSubstr("--" + option.name));
  EXPECT_THAT(help, HasSubstr("--raft.workers INTEGER  (default 2 threads; 1 to 64)"));
  EXPECT_THAT(help, HasSubstr("--raft.tick DURATION  (default 100ms; 10ms to 10s)"));
  EXPECT_THAT(help, HasSubstr("--split.size SIZE  (default 96MiB; 64KiB to 8GiB)"));
  EXPECT_THAT(help, HasSubstr("--config FILE.toml"));
}

TEST_F(OptionSetTest, ThePrintedConfigurationReadsBackAsTheSame) {
  ASSERT_TRUE(Parse({"--listen=a\"b\\c", "--raft.tick=12ms", "--pd=p:1,q:2", "--offset=-9",
                     "--split.size=100000", "--raft.sync=false"})
                  .ok());
  const std::string printed = options_.ToToml();
  config_ = SampleConfig();
  ASSERT_EQ(TomlError(printed), "no error") << printed;
  EXPECT_EQ(config_.listen, "a\"b\\c");
  EXPECT_EQ(config_.tick, 12ms);
  EXPECT_EQ(config_.pd, (std::vector<std::string>{"p:1", "q:2"}));
  EXPECT_EQ(config_.split_size, 100000u);
  EXPECT_EQ(options_.ToToml(), printed);
}

TEST_F(OptionSetTest, JsonNestsByTable) {
  EXPECT_EQ(options_.ToJson(),
            "{\"listen\": \"127.0.0.1:20160\", \"pd\": [\"127.0.0.1:2379\"], \"offset\": -5, "
            "\"log\": {\"level\": \"info\"}, "
            "\"raft\": {\"workers\": 2, \"lease-ratio\": 0.9, \"sync\": true, "
            "\"tick\": \"100ms\", \"election-timeout\": \"1s\"}, "
            "\"split\": {\"size\": \"96MiB\"}}");
}

struct Ending {
  std::optional<int> exit_code;
  std::string out;
  std::string err;
};

Ending Handle(OptionSet& options, std::vector<const char*> flags) {
  flags.insert(flags.begin(), "sample");
  std::ostringstream out, err;
  const auto code =
      options.HandleCommandLine(static_cast<int>(flags.size()), flags.data(), out, err);
  return {code, out.str(), err.str()};
}

TEST_F(OptionSetTest, CheckConfigPrintsOkOrTheError) {
  const Ending good = Handle(options_, {"--check-config"});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.out, "OK\n");
  const Ending bad = Handle(options_, {"--check-config", "--raft.workers=0"});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_EQ(bad.out, "");
  EXPECT_THAT(bad.err, HasSubstr("sample: --raft.workers: 0 is out of range"));
}

TEST_F(OptionSetTest, OtherActionsEndTheProcessWithTheirOutput) {
  EXPECT_EQ(Handle(options_, {}).exit_code, std::nullopt);
  EXPECT_THAT(Handle(options_, {"--help"}).out, HasSubstr("usage: sample"));
  EXPECT_THAT(Handle(options_, {"-h"}).out, HasSubstr("usage: sample"));
  EXPECT_THAT(Handle(options_, {"--version"}).out, HasSubstr("sample "));
  EXPECT_THAT(Handle(options_, {"--print-config", "--offset=4"}).out, HasSubstr("offset = 4\n"));
}

TEST_F(OptionSetTest, DeclaringTwiceIsAProgrammersError) {
  EXPECT_DEATH(options_.Add(&config_.listen, {"listen", "Again."}), "declared twice");
  EXPECT_DEATH(options_.Add(&config_.listen, {"config", "Taken."}), "every program has");
}

TEST_F(OptionSetTest, ADefaultOutOfRangeIsAProgrammersError) {
  uint32_t zero = 0;
  EXPECT_DEATH(options_.Add(&zero, {"zero", "Nothing."}, {1, 2}), "default of zero");
}

}  // namespace
}  // namespace flotilla::config
