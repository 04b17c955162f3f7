// Workloads on a map in memory: silent where it keeps what it acknowledged, and loud where it does
// not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "tests/workload/list_workload.h"
#include "tests/workload/register_workload.h"
#include "tests/workload/set_workload.h"

namespace flotilla::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Answers at once. What the tests do not need fails.
class MapClient final : public client::RawClient {
 public:
  std::map<std::string, std::string> pairs;
  // Of the next writes.
  absl::Status answer;

  void GetAsync(std::string key, client::CallOptions, Callback<Value> callback) override {
    std::move(callback)(Find(key));
  }
  void PutAsync(std::string key, std::string value, client::WriteOptions,
                StatusCallback callback) override {
    if (answer.ok()) pairs[key] = value;
    std::move(callback)(answer);
  }
  void DeleteAsync(std::string key, client::CallOptions, StatusCallback callback) override {
    pairs.erase(key);
    std::move(callback)(absl::OkStatus());
  }
  void BatchGetAsync(std::vector<std::string>, client::CallOptions,
                     Callback<Pairs> callback) override {
    std::move(callback)(Unused());
  }
  void BatchPutAsync(Pairs, client::WriteOptions, StatusCallback callback) override {
    std::move(callback)(Unused());
  }
  void BatchDeleteAsync(std::vector<std::string>, client::CallOptions,
                        StatusCallback callback) override {
    std::move(callback)(Unused());
  }
  void ScanAsync(client::Range range, client::ScanOptions options,
                 Callback<Pairs> callback) override {
    Pairs found;
    for (const auto& [key, value] : pairs) {
      if (key >= range.start && key < range.end) found.push_back({key, value});
    }
    if (options.reverse) std::reverse(found.begin(), found.end());
    std::move(callback)(std::move(found));
  }
  void DeleteRangeAsync(client::Range, client::CallOptions, StatusCallback callback) override {
    std::move(callback)(Unused());
  }
  void CompareAndSwapAsync(std::string key, Value expected, std::string value, client::WriteOptions,
                           Callback<client::CasResult> callback) override {
    const Value previous = Find(key);
    if (previous == expected) pairs[key] = value;
    std::move(callback)(client::CasResult{previous == expected, previous});
  }
  void GetTtlAsync(std::string, client::CallOptions,
                   Callback<std::optional<std::chrono::seconds>> callback) override {
    std::move(callback)(Unused());
  }
  void ChecksumAsync(client::Range, client::CallOptions,
                     Callback<client::Checksum> callback) override {
    std::move(callback)(Unused());
  }
  client::Checksum ChecksumOf(const client::KeyValue&) const override { return {}; }
  std::string MetricsText() const override { return ""; }

 private:
  static absl::Status Unused() { return absl::UnimplementedError("not needed"); }
  Value Find(const std::string& key) const {
    const auto at = pairs.find(key);
    return at == pairs.end() ? Value() : Value(at->second);
  }
};

class WorkloadTest : public ::testing::Test {
 protected:
  void Begin(Workload& workload, int operations) {
    for (int i = 0; i < operations; ++i) workload.Begin(caller_, [] {});
  }
  void ReadAndCheck(Workload& workload) {
    workload.BeginLastReads(caller_, [] {});
    workload.Check();
  }

  MapClient client_;
  env::Random random_{1};
  Violations violations_;
  Tallies tallies_;
  const Caller caller_ = {"client", &client_, nullptr, &random_};
  const WorkloadContext context_{.prefix = "p/", .violations = &violations_, .tallies = &tallies_};
};

TEST_F(WorkloadTest, NothingIsWrongWithAMap) {
  SetWorkload sets(context_);
  ListWorkload lists(context_);
  Begin(sets, 50);
  Begin(lists, 50);
  ReadAndCheck(sets);
  ReadAndCheck(lists);
  EXPECT_THAT(violations_.all(), IsEmpty());
}

TEST_F(WorkloadTest, AnElementThatIsLostIsNamed) {
  SetWorkload sets(context_);
  Begin(sets, 10);
  client_.pairs.erase("p/s0000003");
  ReadAndCheck(sets);
  EXPECT_THAT(violations_.all(), Contains("p/s0000003 was acknowledged and is not there"));
}

TEST_F(WorkloadTest, AnElementThatNobodyAddedIsNamed) {
  SetWorkload sets(context_);
  Begin(sets, 10);
  client_.pairs["p/s0000004"] = "other";
  client_.pairs["p/s9999999"] = "9999999";
  ReadAndCheck(sets);
  EXPECT_THAT(violations_.all(), Contains(HasSubstr("p/s0000004 holds other")));
  EXPECT_THAT(violations_.all(), Contains(HasSubstr("p/s9999999 holds 9999999")));
}

TEST_F(WorkloadTest, AnElementThatWasRefusedAndIsThereIsNamed) {
  SetWorkload sets(context_);
  client_.answer = absl::DeadlineExceededError("never");
  Begin(sets, 1);
  client_.pairs["p/s0000000"] = "0";
  ReadAndCheck(sets);
  EXPECT_THAT(violations_.all(), Contains("p/s0000000 was refused and is there"));
}

TEST_F(WorkloadTest, AListThatLostItsEndIsNamed) {
  ListWorkload lists(context_);
  Begin(lists, 50);
  client_.pairs["p/l0"].clear();
  ReadAndCheck(lists);
  EXPECT_THAT(violations_.all(), Contains(HasSubstr("the list p/l0 is read as  after")));
}

TEST_F(WorkloadTest, AListWithAnotherElementInItIsNamed) {
  ListWorkload lists(context_);
  Begin(lists, 50);
  client_.pairs["p/l1"][0] = '?';
  ReadAndCheck(lists);
  EXPECT_THAT(violations_.all(), Contains(HasSubstr("the list p/l1 is read as ?")));
}

TEST_F(WorkloadTest, ARegisterThatWentBackIsNamed) {
  RegisterWorkload registers(context_);
  Begin(registers, 200);
  ReadAndCheck(registers);
  ASSERT_THAT(violations_.all(), IsEmpty());
  for (auto& [key, value] : client_.pairs) value = "v1";
  ReadAndCheck(registers);
  EXPECT_THAT(violations_.all(), Contains(HasSubstr("is not linearizable")));
}

}  // namespace
}  // namespace flotilla::testing
