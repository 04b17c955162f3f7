#include "tests/cluster/powerloss/volume.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>
#include <string>

namespace flotilla::powerloss {
namespace {

class VolumeTest : public ::testing::Test {
 protected:
  InodePtr Create(const std::string& path, mode_t mode = S_IFREG | 0644) {
    InodePtr inode;
    EXPECT_EQ(volume_.Create(path, mode, &inode), 0);
    return inode;
  }
  InodePtr CreateSafely(const std::string& path) {
    InodePtr inode = Create(path);
    EXPECT_EQ(volume_.SyncDirectory(*volume_.Find("/")), 0);
    return inode;
  }
  void Append(const InodePtr& file, const std::string& data) {
    ASSERT_EQ(volume_.Write(*file, file->data.size(), data), 0);
  }
  void LosePower(uint64_t seed) {
    env::Random random(seed);
    volume_.PowerLoss(random);
  }

  Volume volume_{[] { return timespec{}; }};
};

TEST_F(VolumeTest, WhatWasSyncedSurvivesEveryPowerLoss) {
  const InodePtr file = CreateSafely("/log");
  std::string synced;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Append(file, std::string(1000, static_cast<char>('a' + seed % 26)));
    ASSERT_EQ(volume_.SyncFile(*file), 0);
    synced = file->data;
    Append(file, std::string(9000, '?'));
    LosePower(seed);
    ASSERT_EQ(file->data.substr(0, synced.size()), synced) << seed;
    ASSERT_EQ(volume_.Truncate(*file, synced.size()), 0);
  }
}

TEST_F(VolumeTest, UnsyncedBytesAreLostKeptAndTorn) {
  std::set<size_t> sizes;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const InodePtr file = CreateSafely("/" + std::to_string(seed));
    Append(file, std::string(4096, 'x'));
    LosePower(seed);
    EXPECT_EQ(file->data, std::string(file->data.size(), 'x'));
    sizes.insert(file->data.size());
  }
  EXPECT_TRUE(sizes.contains(0));
  EXPECT_TRUE(sizes.contains(4096));
  EXPECT_GT(sizes.size(), 4u) << "none was torn";
}

TEST_F(VolumeTest, LaterWritesMaySurviveEarlierOnes) {
  bool reordered = false;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const InodePtr file = CreateSafely("/" + std::to_string(seed));
    Append(file, std::string(4096, 'a'));
    Append(file, std::string(4096, 'b'));
    LosePower(seed);
    reordered = reordered || file->data == std::string(4096, '\0') + std::string(4096, 'b');
  }
  EXPECT_TRUE(reordered);
}

TEST_F(VolumeTest, AnOverwriteThatWasNotSyncedGivesTheOldBytesBack) {
  const InodePtr file = CreateSafely("/f");
  Append(file, std::string(10'000, 'o'));
  ASSERT_EQ(volume_.SyncFile(*file), 0);
  ASSERT_EQ(volume_.Write(*file, 5'000, "new"), 0);
  ASSERT_EQ(volume_.Truncate(*file, 6'000), 0);
  bool restored = false;
  for (uint64_t seed = 0; seed < 100 && !restored; ++seed) {
    LosePower(seed);
    restored = file->data == std::string(10'000, 'o');
    ASSERT_EQ(volume_.Truncate(*file, 0), 0);
    Append(file, std::string(10'000, 'o'));
    ASSERT_EQ(volume_.SyncFile(*file), 0);
    ASSERT_EQ(volume_.Write(*file, 5'000, "new"), 0);
    ASSERT_EQ(volume_.Truncate(*file, 6'000), 0);
  }
  EXPECT_TRUE(restored);
}

TEST_F(VolumeTest, ANameIsSafeAfterASyncOfItsDirectory) {
  bool was_lost = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const std::string name = "/unsafe" + std::to_string(seed);
    CreateSafely("/safe" + std::to_string(seed));
    const InodePtr file = Create(name);
    ASSERT_EQ(volume_.SyncFile(*file), 0) << "a sync of the file is none of its name";
    LosePower(seed);
    EXPECT_NE(volume_.Find("/safe" + std::to_string(seed)), nullptr);
    was_lost = was_lost || volume_.Find(name) == nullptr;
  }
  EXPECT_TRUE(was_lost);
}

TEST_F(VolumeTest, ARenameIsWholeOrNot) {
  bool undone = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const std::string current = "/current" + std::to_string(seed);
    const std::string next = "/next" + std::to_string(seed);
    const InodePtr old = Create(current);
    const InodePtr fresh = CreateSafely(next);
    ASSERT_EQ(volume_.Rename(next, current), 0);
    EXPECT_EQ(volume_.Find(current), fresh);
    LosePower(seed);
    const bool is_old = volume_.Find(current) == old && volume_.Find(next) == fresh;
    const bool is_new = volume_.Find(current) == fresh && volume_.Find(next) == nullptr;
    EXPECT_TRUE(is_old || is_new);
    undone = undone || is_old;
  }
  EXPECT_TRUE(undone);
}

TEST_F(VolumeTest, ARemovedFileMayComeBack) {
  bool came_back = false;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const std::string name = "/" + std::to_string(seed);
    const InodePtr file = CreateSafely(name);
    Append(file, "bytes");
    ASSERT_EQ(volume_.SyncFile(*file), 0);
    ASSERT_EQ(volume_.Remove(name), 0);
    EXPECT_EQ(volume_.Find(name), nullptr);
    LosePower(seed);
    came_back = came_back || (volume_.Find(name) == file && file->data == "bytes");
  }
  EXPECT_TRUE(came_back);
}

TEST_F(VolumeTest, AfterAFailedSyncALaterOneSavesNothingOfIt) {
  const InodePtr file = CreateSafely("/f");
  Append(file, std::string(4096, 'a'));
  volume_.behaviour().failing_syncs = 1;
  EXPECT_EQ(volume_.SyncFile(*file), EIO);
  Append(file, std::string(4096, 'b'));
  EXPECT_EQ(volume_.SyncFile(*file), 0);
  LosePower(1);
  EXPECT_EQ(file->data, std::string(4096, '\0') + std::string(4096, 'b'));
}

TEST_F(VolumeTest, ADiskThatLiesLosesWhatItSaidWasSafe) {
  const InodePtr file = CreateSafely("/before");
  Append(file, "bytes");
  ASSERT_EQ(volume_.SyncFile(*file), 0);
  volume_.behaviour().lies = true;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    CreateSafely("/after");
    Append(file, "and more");
    ASSERT_EQ(volume_.SyncFile(*file), 0);
    LosePower(seed);
    EXPECT_EQ(volume_.Find("/after"), nullptr);
    EXPECT_EQ(file->data, "bytes");
  }
}

TEST_F(VolumeTest, AFullDiskTakesNoMoreUntilSomethingIsRemovedForGood) {
  volume_.behaviour().capacity = 10'000;
  InodePtr file = CreateSafely("/f");
  Append(file, std::string(10'000, 'x'));
  EXPECT_EQ(volume_.Write(*file, 10'000, "y"), ENOSPC);
  EXPECT_EQ(volume_.Write(*file, 0, "y"), 0);
  const InodePtr other = CreateSafely("/g");
  ASSERT_EQ(volume_.Remove("/f"), 0);
  file.reset();
  EXPECT_EQ(volume_.Write(*other, 0, "y"), ENOSPC);
  ASSERT_EQ(volume_.SyncDirectory(*volume_.Find("/")), 0);
  EXPECT_EQ(volume_.Write(*other, 0, "y"), 0);
  EXPECT_EQ(volume_.used(), 1u);
}

TEST_F(VolumeTest, DirectoriesHoldNamesAndGoWhenTheyAreEmpty) {
  Create("/d", S_IFDIR | 0755);
  Create("/d/f");
  EXPECT_EQ(volume_.Remove("/d"), ENOTEMPTY);
  InodePtr none;
  EXPECT_EQ(volume_.Create("/nowhere/f", S_IFREG, &none), ENOENT);
  EXPECT_EQ(volume_.Create("/d/f", S_IFREG, &none), EEXIST);
  EXPECT_EQ(volume_.Remove("/d/f"), 0);
  EXPECT_EQ(volume_.Remove("/d"), 0);
  EXPECT_EQ(volume_.Find("/d"), nullptr);
}

}  // namespace
}  // namespace flotilla::powerloss
