#include "common/env/fail_stop.h"

#include <gtest/gtest.h>

namespace flotilla::env {
namespace {

TEST(FailStopDeathTest, TheProcessEndsWithItsCodeAndSaysWhyAndWhatToDo) {
  ExitOnDiskFailure fail_stop("/data", /*to_stderr=*/true);
  EXPECT_EXIT(StopForDisk(&fail_stop, absl::InternalError("sync of /data/log/000007.log: EIO")),
              ::testing::ExitedWithCode(kDiskFailureExitCode),
              "/data cannot be trusted.*000007.log: EIO.*Replace the disk");
  EXPECT_EXIT(StopForDisk(&fail_stop, absl::ResourceExhaustedError("no space left")),
              ::testing::ExitedWithCode(kDiskFailureExitCode), "no space left.*Free some space");
  EXPECT_EXIT(StopForDisk(&fail_stop, absl::DataLossError("block checksum mismatch")),
              ::testing::ExitedWithCode(kDiskFailureExitCode), "mismatch.*rebuild");
}

TEST(FailStopDeathTest, WithoutAWayOutItAborts) {
  EXPECT_DEATH(StopForDisk(nullptr, absl::InternalError("EIO")), "stopping.*EIO");
}

}  // namespace
}  // namespace flotilla::env
