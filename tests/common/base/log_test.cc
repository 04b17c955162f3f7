#include "common/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

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
