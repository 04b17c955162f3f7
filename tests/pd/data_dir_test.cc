#include "pd/data_dir.h"

#include <gtest/gtest.h>

#include "common/env/memory_file_system.h"

namespace flotilla::pd {
namespace {

MemberList Members(const std::vector<std::string>& names, const std::string& self,
                   const std::string& host = "h") {
  std::vector<Member> members;
  int port = 1;
  for (const std::string& name : names) {
    members.push_back({name, host + ":" + std::to_string(port++), MemberId(name)});
  }
  return MemberList(std::move(members), self);
}

TEST(DataDirTest, BelongsToItsMemberForEver) {
  env::MemoryFileSystem files;
  const MemberList members = Members({"a", "b", "c"}, "a");
  ASSERT_TRUE(DataDir::Open(files, "data", members).ok());
  EXPECT_TRUE(DataDir::Open(files, "data", members).ok());
  // A member may move; the order of the list says nothing.
  EXPECT_TRUE(DataDir::Open(files, "data", Members({"c", "a", "b"}, "a", "other")).ok());
  const auto other_member = DataDir::Open(files, "data", Members({"a", "b", "c"}, "b"));
  EXPECT_EQ(other_member.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(other_member.status().message().find("data"), std::string::npos);
  const auto other_cluster = DataDir::Open(files, "data", Members({"a", "x", "y"}, "a"));
  EXPECT_EQ(other_cluster.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(DataDirTest, OneProcessAtATime) {
  env::MemoryFileSystem files;
  const MemberList members = Members({"a"}, "a");
  auto first = DataDir::Open(files, "data", members);
  ASSERT_TRUE(first.ok());
  const auto second = DataDir::Open(files, "data", members);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find("in use by another process"), std::string::npos);
  first->reset();
  EXPECT_TRUE(DataDir::Open(files, "data", members).ok());
}

TEST(DataDirTest, DataWithoutIdentityAreNotTaken) {
  env::MemoryFileSystem files;
  ASSERT_TRUE(files.CreateDir("data/log").ok());
  EXPECT_EQ(DataDir::Open(files, "data", Members({"a"}, "a")).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace flotilla::pd
