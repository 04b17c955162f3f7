// What every file system does, checked on both; and what a crash leaves, on the one that has a
// crash model.
#include "common/env/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "common/env/memory_file_system.h"
#include "common/env/posix_file_system.h"

namespace flotilla::env {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Kind {
  std::string name;
  std::unique_ptr<FileSystem> (*make)();
};

class FileSystemTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    files_ = GetParam().make();
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    dir_ = ::testing::TempDir() + "file_system_test_" + test.substr(0, test.find('/'));
    ASSERT_TRUE(files_->RemoveAll(dir_).ok());
    ASSERT_TRUE(files_->CreateDir(dir_).ok());
  }
  void TearDown() override { EXPECT_TRUE(files_->RemoveAll(dir_).ok()); }

  void Write(const std::string& path, std::string_view data) {
    auto file = files_->NewWritableFile(path);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->Append(data).ok());
    ASSERT_TRUE((*file)->Sync().ok());
  }

  std::unique_ptr<FileSystem> files_;
  std::string dir_;
};

TEST_P(FileSystemTest, WhatIsAppendedIsReadBack) {
  auto file = files_->NewWritableFile(dir_ + "/a");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->Append("hello ").ok());
  ASSERT_TRUE((*file)->Append("world").ok());
  file->reset();

  EXPECT_EQ(files_->FileSize(dir_ + "/a").value(), 11);
  EXPECT_EQ(ReadFile(*files_, dir_ + "/a", 11).value(), "hello world");
  auto reader = files_->NewReadableFile(dir_ + "/a");
  ASSERT_TRUE(reader.ok());
  std::string part;
  ASSERT_TRUE((*reader)->ReadAt(6, 3, part).ok());
  EXPECT_EQ(part, "wor");
  ASSERT_TRUE((*reader)->ReadAt(9, 100, part).ok());
  EXPECT_EQ(part, "ld");
  ASSERT_TRUE((*reader)->ReadAt(11, 1, part).ok());
  EXPECT_EQ(part, "");
}

TEST_P(FileSystemTest, ReadFileRefusesMoreThanItsLimit) {
  Write(dir_ + "/a", "12345");
  const auto data = ReadFile(*files_, dir_ + "/a", 4);
  EXPECT_EQ(data.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(data.status().ToString(), HasSubstr("/a has 5 bytes"));
}

TEST_P(FileSystemTest, AMissingFileIsNotFoundByName) {
  const std::string path = dir_ + "/absent";
  EXPECT_FALSE(files_->Exists(path));
  for (const absl::Status& status :
       {files_->NewReadableFile(path).status(), files_->FileSize(path).status(),
        files_->Remove(path), files_->Rename(path, dir_ + "/b"), files_->List(path).status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(status.ToString(), HasSubstr("absent"));
  }
  EXPECT_TRUE(files_->RemoveAll(path).ok());
}

TEST_P(FileSystemTest, DirectoriesAreCreatedWithTheirParentsAndListed) {
  ASSERT_TRUE(files_->CreateDir(dir_ + "/x/y/z").ok());
  ASSERT_TRUE(files_->CreateDir(dir_ + "/x/y/z").ok());
  Write(dir_ + "/x/b", "");
  Write(dir_ + "/x/a", "");
  EXPECT_THAT(files_->List(dir_ + "/x").value(), ElementsAre("a", "b", "y"));
  EXPECT_THAT(files_->List(dir_ + "/x/y/z").value(), IsEmpty());
  EXPECT_FALSE(files_->Remove(dir_ + "/x").ok()) << "it is not empty";
  EXPECT_TRUE(files_->Remove(dir_ + "/x/y/z").ok());
  EXPECT_EQ(files_->CreateDir(dir_ + "/x/a").code(), absl::StatusCode::kAlreadyExists);
}

TEST_P(FileSystemTest, RenameReplacesAndMovesDirectories) {
  Write(dir_ + "/old", "1");
  Write(dir_ + "/new", "2");
  ASSERT_TRUE(files_->Rename(dir_ + "/old", dir_ + "/new").ok());
  EXPECT_FALSE(files_->Exists(dir_ + "/old"));
  EXPECT_EQ(ReadFile(*files_, dir_ + "/new", 10).value(), "1");

  ASSERT_TRUE(files_->CreateDir(dir_ + "/d").ok());
  Write(dir_ + "/d/f", "3");
  ASSERT_TRUE(files_->Rename(dir_ + "/d", dir_ + "/e").ok());
  EXPECT_EQ(ReadFile(*files_, dir_ + "/e/f", 10).value(), "3");
  EXPECT_THAT(files_->List(dir_).value(), ElementsAre("e", "new"));
}

TEST_P(FileSystemTest, ALinkIsTheSameFile) {
  Write(dir_ + "/a", "1");
  ASSERT_TRUE(files_->Link(dir_ + "/a", dir_ + "/b").ok());
  EXPECT_EQ(files_->Link(dir_ + "/a", dir_ + "/b").code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(files_->Remove(dir_ + "/a").ok());
  EXPECT_EQ(ReadFile(*files_, dir_ + "/b", 10).value(), "1");
}

TEST_P(FileSystemTest, ALockHasOneHolder) {
  auto lock = files_->Lock(dir_ + "/LOCK");
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(files_->Lock(dir_ + "/LOCK").status().code(), absl::StatusCode::kUnavailable);
  lock->reset();
  EXPECT_TRUE(files_->Lock(dir_ + "/LOCK").ok());
}

TEST_P(FileSystemTest, WriteFileAtomicallyReplacesAndLeavesNoOtherFile) {
  ASSERT_TRUE(WriteFileAtomically(*files_, dir_ + "/id", "one").ok());
  ASSERT_TRUE(WriteFileAtomically(*files_, dir_ + "/id", "two").ok());
  EXPECT_EQ(ReadFile(*files_, dir_ + "/id", 10).value(), "two");
  EXPECT_THAT(files_->List(dir_).value(), ElementsAre("id"));
}

INSTANTIATE_TEST_SUITE_P(Both, FileSystemTest,
                         ::testing::Values(Kind{"Posix",
                                                []() -> std::unique_ptr<FileSystem> {
                                                  return std::make_unique<PosixFileSystem>();
                                                }},
                                           Kind{"Memory",
                                                []() -> std::unique_ptr<FileSystem> {
                                                  return std::make_unique<MemoryFileSystem>();
                                                }}),
                         [](const auto& kind) { return kind.param.name; });

TEST(MemoryFileSystemTest, ACrashLosesWhatWasNotSynced) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.CreateDir("d").ok());
  {
    auto file = files.NewWritableFile("d/a").value();
    ASSERT_TRUE(file->Append("synced").ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(file->Append(" and not").ok());
  }
  ASSERT_TRUE(files.SyncDir("d").ok());
  files.Crash();
  EXPECT_EQ(ReadFile(files, "d/a", 100).value(), "synced");
}

TEST(MemoryFileSystemTest, ATornCrashKeepsWhatWasSyncedAndPerhapsMore) {
  std::set<std::string> seen;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    MemoryFileSystem files;
    ASSERT_TRUE(files.CreateDir("dir").ok());
    {
      const auto file = *files.NewWritableFile("dir/a");
      ASSERT_TRUE(file->Append("synced").ok());
      ASSERT_TRUE(file->Sync().ok());
      ASSERT_TRUE(files.SyncDir("dir").ok());
      ASSERT_TRUE(file->Append("+x").ok());
    }
    ASSERT_TRUE(files.Rename("dir/a", "dir/b").ok());
    files.CrashTorn(Random(seed));
    ASSERT_NE(files.Exists("dir/a"), files.Exists("dir/b")) << "a rename is atomic";
    const std::string name = files.Exists("dir/a") ? "a" : "b";
    seen.insert(name + " " + ReadFile(files, "dir/" + name, 100).value());
  }
  EXPECT_THAT(seen, testing::UnorderedElementsAre(
                        "a synced", "a synced+", "a synced*", "a synced+x", "a synced+y",
                        "b synced", "b synced+", "b synced*", "b synced+x", "b synced+y"));
}

TEST(MemoryFileSystemTest, ACrashLosesNamesOfADirectoryThatWasNotSynced) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.CreateDir("d").ok());
  ASSERT_TRUE(WriteFileAtomically(files, "d/old", "1").ok());
  ASSERT_TRUE(files.NewWritableFile("d/created").value()->Sync().ok());
  ASSERT_TRUE(files.Rename("d/old", "d/new").ok());
  files.Crash();
  EXPECT_THAT(files.List("d").value(), ElementsAre("old"));

  ASSERT_TRUE(files.Rename("d/old", "d/new").ok());
  ASSERT_TRUE(files.SyncDir("d").ok());
  files.Crash();
  EXPECT_THAT(files.List("d").value(), ElementsAre("new"));
}

TEST(MemoryFileSystemTest, ARenamedDirectoryKeepsWhatWasSyncedInIt) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.CreateDir("d/tmp").ok());
  ASSERT_TRUE(WriteFileAtomically(files, "d/tmp/synced", "1").ok());
  ASSERT_TRUE(files.NewWritableFile("d/tmp/unsynced").value()->Sync().ok());
  ASSERT_TRUE(files.Rename("d/tmp", "d/final").ok());
  ASSERT_TRUE(files.SyncDir("d").ok());
  files.Crash();
  EXPECT_THAT(files.List("d").value(), ElementsAre("final"));
  EXPECT_THAT(files.List("d/final").value(), ElementsAre("synced"));
}

TEST(MemoryFileSystemTest, AFullDiskRefusesToGrow) {
  MemoryFileSystem files;
  files.SetCapacity(4);
  auto file = files.NewWritableFile("a").value();
  EXPECT_TRUE(file->Append("1234").ok());
  const absl::Status status = file->Append("5");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.ToString(), HasSubstr("a"));
  EXPECT_EQ(files.TotalBytes(), 4);
}

}  // namespace
}  // namespace flotilla::env
