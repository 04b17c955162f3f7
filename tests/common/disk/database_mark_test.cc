#include "common/disk/database_mark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/env/memory_file_system.h"

namespace flotilla::disk {
namespace {

using ::testing::HasSubstr;

class DatabaseMarkTest : public ::testing::Test {
 protected:
  void Make(const std::string& database) {
    ASSERT_TRUE(files_.CreateDir("dir/" + database).ok());
    ASSERT_TRUE(env::WriteFileAtomically(files_, "dir/" + database + "/CURRENT", "x").ok());
  }
  absl::Status Check() const {
    return CheckDatabases(files_, "dir", {"data", "log"}, "Restore it.");
  }

  env::MemoryFileSystem files_;
};

TEST_F(DatabaseMarkTest, AFirstStartMayBeInterruptedAnywhere) {
  ASSERT_TRUE(files_.CreateDir("dir").ok());
  EXPECT_TRUE(Check().ok());
  Make("data");
  EXPECT_TRUE(Check().ok());
  Make("log");
  EXPECT_TRUE(MarkDatabases(files_, "dir").ok());
  files_.Crash();
  EXPECT_TRUE(Check().ok());
}

TEST_F(DatabaseMarkTest, ADatabaseThatIsGoneIsNamed) {
  Make("data");
  Make("log");
  ASSERT_TRUE(MarkDatabases(files_, "dir").ok());
  ASSERT_TRUE(files_.RemoveAll("dir/log").ok());
  const absl::Status lost = Check();
  EXPECT_TRUE(absl::IsFailedPrecondition(lost));
  EXPECT_THAT(std::string(lost.message()), HasSubstr("lost its database dir/log"));
  EXPECT_THAT(std::string(lost.message()), HasSubstr("Restore it."));
  ASSERT_TRUE(MarkDatabases(files_, "dir").ok());
  EXPECT_FALSE(Check().ok());
}

}  // namespace
}  // namespace flotilla::disk
