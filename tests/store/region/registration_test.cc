#include "store/registration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/env/memory_file_system.h"
#include "tests/store/last_call_pd.h"

namespace flotilla::store {
namespace {

using ::testing::HasSubstr;

constexpr char kFile[] = "data/GENERATION";

metapb::Store Self() {
  metapb::Store self;
  self.set_id(3);
  self.set_address("127.0.0.1:20160");
  return self;
}

// A store's data directory, and what its log has come to.
class Directory {
 public:
  // What a copy of it would hold.
  struct Image {
    std::optional<std::string> file;
    uint64_t position = 0;
    // Starts that had succeeded when it was made.
    int starts = 0;
  };

  Directory() { CHECK_OK(files_.CreateDir("data")); }

  absl::StatusOr<uint64_t> Start(FakePd& pd) {
    files_.Crash();
    return RegisterStore({&files_, "data", position}, pd, Self(), env::Random(++seed_));
  }
  Image Copy(int starts) const {
    Image image{std::nullopt, position, starts};
    if (files_.Exists(kFile)) image.file = *env::ReadFile(files_, kFile, 1000);
    return image;
  }
  void PutBack(const Image& image) {
    position = image.position;
    if (image.file.has_value()) {
      CHECK_OK(env::WriteFileAtomically(files_, kFile, *image.file));
    } else if (files_.Exists(kFile)) {
      CHECK_OK(files_.Remove(kFile));
      CHECK_OK(files_.SyncDir("data"));
    }
  }
  env::MemoryFileSystem& files() { return files_; }

  uint64_t position = 0;

 private:
  env::MemoryFileSystem files_;
  uint64_t seed_ = 0;
};

TEST(RegistrationTest, AStoreThatMovedWaitsUntilPdBelievesIt) {
  FakePd pd;
  Directory directory;
  ASSERT_TRUE(directory.Start(pd).ok());
  metapb::Store moved = Self();
  moved.set_address("127.0.0.1:30160");
  pd.refuses_moves = 2;
  const auto generation = RegisterStore({&directory.files(), "data", 0}, pd, moved, env::Random(9));
  ASSERT_TRUE(generation.ok()) << generation.status();
  EXPECT_EQ(*generation, 2u);
  EXPECT_EQ(pd.stores[3].address(), "127.0.0.1:30160");
}

TEST(RegistrationTest, EachStartIsAGeneration) {
  FakePd pd;
  Directory directory;
  for (uint64_t start = 1; start <= 3; ++start) {
    const auto generation = directory.Start(pd);
    ASSERT_TRUE(generation.ok()) << generation.status();
    EXPECT_EQ(*generation, start);
    EXPECT_EQ(*ReadGeneration(directory.files(), "data"), (Generation{start, 0}));
  }
}

TEST(RegistrationTest, ACopyFromBeforeTheLastStartIsNamedWithTheWayOut) {
  FakePd pd;
  Directory directory;
  directory.position = 5;
  ASSERT_TRUE(directory.Start(pd).ok());
  const Directory::Image copy = directory.Copy(1);
  ASSERT_TRUE(directory.Start(pd).ok());
  const Directory::Image last = directory.Copy(2);
  directory.PutBack(copy);
  for (int attempt = 0; attempt < 5; ++attempt) {  // As somebody who restarts what exits does.
    const absl::Status refused = directory.Start(pd).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    const std::string message(refused.message());
    EXPECT_THAT(message, HasSubstr("data directory data of store 3 is an older copy of itself"));
    EXPECT_THAT(message,
                HasSubstr("knows 1 starts and its log has come to position 5; PD knows 2"));
    EXPECT_THAT(message, HasSubstr("start a new store with an empty directory"));
    EXPECT_THAT(message, HasSubstr("docs/operations.md"));
  }
  directory.PutBack(last);
  EXPECT_EQ(*directory.Start(pd), 3u);
}

TEST(RegistrationTest, ACopyOfTheLastStartThatIsBehindItsPositionIsRefused) {
  FakePd pd;
  Directory directory;
  directory.position = 5;
  ASSERT_TRUE(directory.Start(pd).ok());
  pd.memories[3].set_position(6);  // As the store has told it since.
  EXPECT_EQ(directory.Start(pd).status().code(), absl::StatusCode::kFailedPrecondition);
  directory.position = 6;
  EXPECT_TRUE(directory.Start(pd).ok());
}

TEST(RegistrationTest, PdWithAnOlderCopyOfItsDataIsTold) {
  FakePd pd;
  Directory directory;
  ASSERT_TRUE(directory.Start(pd).ok());
  pd.memories.clear();
  const absl::Status refused = directory.Start(pd).status();
  EXPECT_THAT(std::string(refused.message()), HasSubstr("PD's members have older copies"));
}

TEST(RegistrationTest, ADamagedFileIsNamed) {
  FakePd pd;
  Directory directory;
  ASSERT_TRUE(directory.Start(pd).ok());
  directory.files().Corrupt(kFile, 25);
  const absl::Status refused =
      RegisterStore({&directory.files(), "data", 0}, pd, Self(), env::Random(9)).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(refused.message()), HasSubstr(kFile));
}

// A store that is started and dies at any step of its start, any number of times, and copies of its
// directory that are put back.
class RandomStarts {
 public:
  explicit RandomStarts(uint64_t seed) : random_(seed) {}

  void Step() {
    const uint64_t choice = random_.Uniform(10);
    if (choice < 3) {
      copies_.push_back(directory_.Copy(starts_));
    } else if (choice < 5) {
      DieWhileStarting();
    } else if (choice < 8) {
      Start();
    } else {
      PutBackACopy();
    }
  }
  int refusals() const { return refusals_; }

 private:
  void DieWhileStarting() {
    pd_.DieAt(1 + static_cast<int>(random_.Uniform(2)), random_.Chance(0.5));
    const auto generation = directory_.Start(pd_);
    // The second call is one that only a start makes that follows an interrupted one.
    if (generation.ok()) ++starts_;
    pd_.DieAt(-1, false);
  }
  void Start() {
    const auto generation = directory_.Start(pd_);
    ASSERT_TRUE(generation.ok()) << generation.status();
    EXPECT_EQ(*generation, pd_.memories[3].generation());
    ++starts_;
    directory_.position += random_.Uniform(3);
    if (random_.Chance(0.5)) pd_.memories[3].set_position(directory_.position);
  }
  void PutBackACopy() {
    if (copies_.empty()) return;
    const Directory::Image& copy = copies_[random_.Uniform(copies_.size())];
    const bool is_older = copy.starts < starts_ || copy.position < pd_.memories[3].position();
    if (!is_older) return;
    const Directory::Image last = directory_.Copy(starts_);
    const registry::v1::StoreMemory before = pd_.memories[3];
    directory_.PutBack(copy);
    for (int attempt = 0; attempt < 3; ++attempt) {
      EXPECT_EQ(directory_.Start(pd_).status().code(), absl::StatusCode::kFailedPrecondition);
    }
    ++refusals_;
    EXPECT_EQ(pd_.memories[3].SerializeAsString(), before.SerializeAsString());
    directory_.PutBack(last);
    Start();
  }

  env::Random random_;
  LastCallPd pd_;
  Directory directory_;
  std::vector<Directory::Image> copies_;
  int starts_ = 0;
  int refusals_ = 0;
};

TEST(RegistrationTest, OnlyTheDirectoryThatItStoppedWithStarts) {
  int refusals = 0;
  for (uint64_t seed = 1; seed <= 500 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomStarts starts(seed);
    for (int step = 0; step < 40; ++step) starts.Step();
    refusals += starts.refusals();
  }
  EXPECT_GT(refusals, 500);
}

}  // namespace
}  // namespace flotilla::store
