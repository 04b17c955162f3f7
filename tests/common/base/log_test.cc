#include "common/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

namespace flotilla::base {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string ReadAll(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(LogTest, LinesAtTheLevelAndAboveReachTheFile) {
  const auto path = std::filesystem::temp_directory_path() / "flotilla_log_test.log";
  std::filesystem::remove(path);
  ASSERT_TRUE(
      InitLogging({.level = "info", .file = path, .max_file_bytes = 1 << 20, .max_files = 2}).ok());
  LOG_INFO("region {} split into {}", 7, 2);
  LOG_DEBUG("not yet");
  ASSERT_TRUE(SetLogLevel("debug").ok());
  LOG_DEBUG("now {}", "seen");
  FlushLogs();
  const std::string text = ReadAll(path);
  EXPECT_THAT(text, HasSubstr("region 7 split into 2"));
  EXPECT_THAT(text, Not(HasSubstr("not yet")));
  EXPECT_THAT(text, HasSubstr("now seen"));
  ASSERT_TRUE(InitLogging({}).ok());
  std::filesystem::remove(path);
}

// In a process of its own: the others have called InitLogging.
TEST(LogDeathTest, WithoutInitLoggingOnlyWarningsAreShownAndOnStandardError) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto log = [] {
    LOG_INFO("PD's leader is somebody");
    LOG_WARN("a stream broke");
    std::fflush(nullptr);
    std::_Exit(0);
  };
  EXPECT_EXIT(log(), testing::ExitedWithCode(0),
              testing::AllOf(HasSubstr("a stream broke"), Not(HasSubstr("somebody"))));
  // Nothing on standard output either, which is the application's.
  EXPECT_EXIT(
      {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        log();
      },
      testing::ExitedWithCode(0), Not(HasSubstr("somebody")));
}

TEST(LogDeathTest, AnApplicationsOwnLoggerOfTheNameIsUsed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        auto logger = std::make_shared<spdlog::logger>("flotilla", std::move(sink));
        logger->set_pattern("mine: %v");
        spdlog::register_logger(std::move(logger));
        LOG_INFO("a line");
        std::_Exit(0);
      },
      testing::ExitedWithCode(0), HasSubstr("mine: a line"));
}

TEST(LogTest, AnUnknownLevelIsNamed) {
  const absl::Status status = SetLogLevel("loud");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("loud"));
  EXPECT_FALSE(InitLogging({.level = "loud", .file = ""}).ok());
}

TEST(LogTest, AFileThatCannotBeOpenedIsAnError) {
  EXPECT_FALSE(InitLogging({.level = "info", .file = "/proc/none/flotilla.log"}).ok());
}

}  // namespace
}  // namespace flotilla::base
