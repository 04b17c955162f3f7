#include "common/disk/disk_reserve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "common/env/memory_file_system.h"

namespace flotilla::disk {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kReserve = 1000;
constexpr char kFile[] = "data/RESERVE";

class DiskReserveTest : public ::testing::Test {
 protected:
  DiskReserveTest() { EXPECT_TRUE(files_.CreateDir("data").ok()); }

  void Open(uint64_t reserve = kReserve) {
    subject_.reset();
    registry_ = std::make_unique<metrics::Registry>();
    subject_ = std::make_unique<DiskReserve>(&files_, "data", reserve, &clock_, registry_.get());
  }
  // So much is free besides what the reserve's file holds.
  DiskLevel LookWith(uint64_t free_bytes) {
    files_.SetCapacity(files_.TotalBytes() + free_bytes);
    clock_.Advance(DiskReserve::kInterval);
    subject_->RunOnce();
    return subject_->level();
  }

  env::ManualClock clock_;
  env::MemoryFileSystem files_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<DiskReserve> subject_;
};

TEST_F(DiskReserveTest, SpaceIsSetAsideAndReleasedWhenItIsNeeded) {
  files_.SetCapacity(10'000);
  Open();
  EXPECT_EQ(subject_->level(), DiskLevel::kRoomy);
  EXPECT_EQ(files_.FileSize(kFile).value(), 750);
  EXPECT_EQ(subject_->available(), 9'000);
  EXPECT_EQ(subject_->capacity(), 10'000);
  // 250 and the file's 750.
  EXPECT_EQ(LookWith(250), DiskLevel::kRoomy);
  EXPECT_EQ(subject_->available(), 0);
  EXPECT_EQ(LookWith(249), DiskLevel::kFull);
  EXPECT_FALSE(files_.Exists(kFile));
  EXPECT_EQ(files_.Space("data")->available, 999);
  EXPECT_THAT(registry_->ToText(), HasSubstr("flotilla_disk_level 1"));
}

TEST_F(DiskReserveTest, LevelsAreLeftAboveWhereTheyAreEntered) {
  Open();
  ASSERT_EQ(LookWith(0), DiskLevel::kFull);
  EXPECT_EQ(LookWith(1249), DiskLevel::kFull);
  EXPECT_EQ(LookWith(250), DiskLevel::kFull);
  EXPECT_EQ(LookWith(249), DiskLevel::kCritical);
  EXPECT_EQ(LookWith(499), DiskLevel::kCritical);
  EXPECT_EQ(LookWith(500), DiskLevel::kFull);
  EXPECT_FALSE(files_.Exists(kFile));
  EXPECT_EQ(LookWith(1250), DiskLevel::kRoomy);
  EXPECT_EQ(files_.FileSize(kFile).value(), 750);
  EXPECT_EQ(LookWith(250), DiskLevel::kRoomy);
}

TEST_F(DiskReserveTest, AStartOnAFullDiskReleasesWhatTheLastProcessSetAside) {
  Open();
  ASSERT_TRUE(files_.Exists(kFile));
  files_.SetCapacity(files_.TotalBytes());
  Open();
  EXPECT_EQ(subject_->level(), DiskLevel::kFull);
  EXPECT_FALSE(files_.Exists(kFile));
  EXPECT_EQ(files_.Space("data")->available, 750);
}

TEST_F(DiskReserveTest, AFileOfAnotherConfigurationIsReplaced) {
  Open();
  Open(2 * kReserve);
  EXPECT_EQ(files_.FileSize(kFile).value(), 1500);
  Open(0);
  EXPECT_FALSE(files_.Exists(kFile));
  EXPECT_EQ(LookWith(0), DiskLevel::kRoomy);
}

TEST_F(DiskReserveTest, BetweenTwoLooksNothingChanges) {
  Open();
  files_.SetCapacity(files_.TotalBytes());
  subject_->RunOnce();
  EXPECT_EQ(subject_->level(), DiskLevel::kRoomy);
  EXPECT_EQ(subject_->next_deadline(), clock_.Now() + DiskReserve::kInterval);
}

}  // namespace
}  // namespace flotilla::disk
