#include "pd/founding/founding_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "common/env/random.h"

namespace flotilla::pd {
namespace {

using ::testing::HasSubstr;
using Kind = FoundingStep::Kind;

MemberList MembersAs(const std::string& self, int count = 3) {
  std::vector<Member> members;
  for (int i = 0; i < count; ++i) {
    const std::string name(1, static_cast<char>('a' + i));
    members.push_back({name, name + ":1", MemberId(name)});
  }
  return MemberList(std::move(members), self);
}

constexpr uint64_t kA = 11;
constexpr uint64_t kB = 12;
constexpr uint64_t kC = 13;
const Founders kAll = {{"a", kA}, {"b", kB}, {"c", kC}};

Heard New(uint64_t nonce) { return {{nonce, {}, false}, 0}; }
Heard Written(uint64_t nonce, const Founders& founders) { return {{nonce, founders, false}, 0}; }
Heard Founded(uint64_t nonce, const Founders& founders) { return {{nonce, founders, true}, 7}; }

// What `a` does.
FoundingStep StepOfA(const FoundingRecord& own, const std::map<std::string, Heard>& heard) {
  return NextStep(MembersAs("a"), own, heard);
}

TEST(FoundingRecordTest, IsStoredWithAChecksum) {
  for (const FoundingRecord& record :
       {FoundingRecord{kA, {}, false}, FoundingRecord{kA, kAll, false},
        FoundingRecord{kA, kAll, true}, FoundingRecord{0, {}, true}}) {
    const std::string stored = EncodeFounding(record);
    EXPECT_EQ(*DecodeFounding(stored), record);
    for (size_t at = 0; at < stored.size(); ++at) {
      std::string damaged = stored;
      damaged[at] ^= 4;
      EXPECT_TRUE(absl::IsDataLoss(DecodeFounding(damaged).status())) << at;
      EXPECT_TRUE(absl::IsDataLoss(DecodeFounding(stored.substr(0, at)).status())) << at;
    }
  }
}

TEST(FoundingRecordTest, AFirstStartGoesStepByStep) {
  const FoundingRecord own{kA, {}, false};
  EXPECT_EQ(StepOfA(own, {}).kind, Kind::kWait);
  EXPECT_EQ(StepOfA(own, {{"b", New(kB)}}).kind, Kind::kWait) << "c may be one that was there";
  const FoundingStep remembers = StepOfA(own, {{"b", New(kB)}, {"c", New(kC)}});
  EXPECT_EQ(remembers.kind, Kind::kRemember);
  EXPECT_EQ(remembers.founders, kAll);
  const FoundingRecord written{kA, kAll, false};
  EXPECT_EQ(StepOfA(written, {{"b", New(kB)}, {"c", New(kC)}}).kind, Kind::kWait);
  EXPECT_EQ(StepOfA(written, {{"b", Written(kB, kAll)}, {"c", New(kC)}}).kind, Kind::kWait);
  EXPECT_EQ(StepOfA(written, {{"b", Written(kB, kAll)}, {"c", Written(kC, kAll)}}).kind,
            Kind::kJoin);
}

TEST(FoundingRecordTest, OneThatTakesPartIsEnough) {
  const FoundingRecord written{kA, kAll, false};
  EXPECT_EQ(StepOfA(written, {{"b", Founded(kB, kAll)}}).kind, Kind::kJoin);
  EXPECT_EQ(StepOfA({kA, {}, false}, {{"b", Written(kB, kAll)}, {"c", New(kC)}}).kind,
            Kind::kRemember)
      << "it is late, and no stranger";
}

TEST(FoundingRecordTest, AnEmptiedMemberIsRefusedByWhoeverTakesPart) {
  constexpr uint64_t kAgain = 99;
  for (const Founders& founders : {kAll, Founders()}) {  // Also of before there were records.
    const FoundingStep step = StepOfA({kAgain, {}, false}, {{"b", Founded(kB, founders)}});
    EXPECT_EQ(step.kind, Kind::kRefuse);
    EXPECT_THAT(step.why, HasSubstr("its data directory is empty, and member b of cluster 7"));
  }
  const FoundingStep step =
      StepOfA({kAgain, {}, false}, {{"b", Written(kB, kAll)}, {"c", New(kC)}});
  EXPECT_EQ(step.kind, Kind::kRefuse);
  EXPECT_THAT(step.why, HasSubstr("was emptied while the cluster was founded"));
}

TEST(FoundingRecordTest, WhoWaitsForAnEmptiedMemberIsNotRefusedItself) {
  const FoundingRecord written{kA, kAll, false};
  EXPECT_EQ(StepOfA(written, {{"b", New(98)}, {"c", Written(kC, kAll)}}).kind, Kind::kWait);
  EXPECT_EQ(StepOfA({kA, {}, false}, {{"b", New(98)}, {"c", Written(kC, kAll)}}).kind, Kind::kWait);
}

TEST(FoundingRecordTest, AnOlderCopyOfAFoundersDirectoryIsRefused) {
  const FoundingStep step = StepOfA({kA, {}, false}, {{"b", Founded(kB, kAll)}});
  EXPECT_EQ(step.kind, Kind::kRefuse);
  EXPECT_THAT(step.why, HasSubstr("older than the cluster"));
}

// All members at once, as a model: they hear each other, crash, and are emptied, in any order.
class Model {
 public:
  Model(uint64_t seed, int members) : random_(seed), members_(members) {
    for (int i = 0; i < members_; ++i) Empty(i);
  }

  void Step(int most_emptied) {
    const int i = static_cast<int>(random_.Uniform(static_cast<uint64_t>(members_)));
    const uint64_t choice = random_.Uniform(20);
    if (choice == 0) {
      heard_[i].clear();  // A crash.
    } else if (choice == 1 && emptied_.size() < static_cast<size_t>(most_emptied)) {
      emptied_.insert(i);
      Empty(i);
    } else {
      const int j = static_cast<int>(random_.Uniform(static_cast<uint64_t>(members_)));
      if (j != i) heard_[i][NameOf(j)] = {records_[j], 0};
    }
    Proceed(i);
  }
  // Everybody who is not refused hears everybody.
  void HearAll() {
    for (int round = 0; round < 4; ++round) {
      for (int i = 0; i < members_; ++i) {
        for (int j = 0; j < members_; ++j) {
          if (j != i) heard_[i][NameOf(j)] = {records_[j], 0};
        }
        Proceed(i);
      }
    }
  }
  int Joined() const {
    int joined = 0;
    for (const FoundingRecord& record : records_) joined += record.founded;
    return joined;
  }
  const std::set<Founders>& foundings() const { return foundings_; }

 private:
  static std::string NameOf(int i) { return std::string(1, static_cast<char>('a' + i)); }
  void Empty(int i) {
    records_.resize(static_cast<size_t>(members_));
    heard_.resize(static_cast<size_t>(members_));
    records_[i] = {++last_nonce_, {}, false};
    heard_[i].clear();
  }
  void Proceed(int i) {
    while (!records_[i].founded) {
      const FoundingStep step = NextStep(MembersAs(NameOf(i), members_), records_[i], heard_[i]);
      if (step.kind == Kind::kRemember) {
        ASSERT_TRUE(records_[i].founders.empty()) << "founders are written down once";
        ASSERT_EQ(step.founders.size(), static_cast<size_t>(members_));
        records_[i].founders = step.founders;
      } else if (step.kind == Kind::kJoin) {
        records_[i].founded = true;
        foundings_.insert(records_[i].founders);
        ASSERT_EQ(records_[i].founders.at(NameOf(i)), records_[i].nonce);
      } else {
        return;
      }
    }
  }

  env::Random random_;
  const int members_;
  std::vector<FoundingRecord> records_;
  std::vector<std::map<std::string, Heard>> heard_;
  std::set<int> emptied_;
  // Of everybody who ever took part.
  std::set<Founders> foundings_;
  uint64_t last_nonce_ = 0;
};

TEST(FoundingModelTest, WithCrashesAloneAllTakePart) {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    const int members = seed % 2 == 0 ? 3 : 5;
    Model model(seed, members);
    for (int step = 0; step < 30; ++step) model.Step(/*most_emptied=*/0);
    model.HearAll();
    ASSERT_EQ(model.Joined(), members) << "seed " << seed;
    ASSERT_EQ(model.foundings().size(), 1u) << "seed " << seed;
  }
}

TEST(FoundingModelTest, NoSecondFoundingBeforeAllMembersWereEmptied) {
  int founded = 0;
  int second = 0;
  for (uint64_t seed = 1; seed <= 4000; ++seed) {
    const int members = seed % 2 == 0 ? 3 : 5;
    Model model(seed, members);
    for (int step = 0; step < 300; ++step) model.Step(members - 1);
    model.HearAll();
    ASSERT_LE(model.foundings().size(), 1u) << "seed " << seed;
    founded += static_cast<int>(model.foundings().size());
    Model all(seed, members);
    for (int step = 0; step < 300; ++step) all.Step(members);
    all.HearAll();
    second += all.foundings().size() > 1;
  }
  EXPECT_GT(founded, 1000);
  EXPECT_GT(second, 10) << "the model does get that far when all are emptied";
}

}  // namespace
}  // namespace flotilla::pd
