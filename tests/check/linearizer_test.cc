#include "tests/check/linearizer.h"

#include <gtest/gtest.h>

namespace flotilla::testing {
namespace {

using Kind = RegisterStep::Kind;

constexpr uint64_t kBudget = 10'000;

RegisterStep Write(uint32_t value, uint64_t begin, uint64_t end) {
  return {.kind = Kind::kWrite, .value = value, .begin = begin, .end = end};
}
RegisterStep Maybe(uint32_t value, uint64_t begin) {
  return {
      .kind = Kind::kWrite, .value = value, .begin = begin, .end = UINT64_MAX, .optional = true};
}
RegisterStep Read(uint32_t value, uint64_t begin, uint64_t end) {
  return {.kind = Kind::kRead, .value = value, .begin = begin, .end = end};
}
RegisterStep Swap(uint32_t expected, uint32_t value, uint64_t begin, uint64_t end) {
  return {.kind = Kind::kSwap, .value = value, .expected = expected, .begin = begin, .end = end};
}

TEST(LinearizerTest, NothingIsLinearizable) {
  EXPECT_EQ(Linearize({}, kBudget), Verdict::kLinearizable);
}

TEST(LinearizerTest, ReadFindsTheLastWrite) {
  EXPECT_EQ(Linearize({Write(1, 1, 2), Read(1, 3, 4)}, kBudget), Verdict::kLinearizable);
  EXPECT_EQ(Linearize({Write(1, 1, 2), Write(2, 3, 4), Read(1, 5, 6)}, kBudget),
            Verdict::kViolation);
  EXPECT_EQ(Linearize({Write(1, 1, 2), Read(0, 3, 4)}, kBudget), Verdict::kViolation);
}

TEST(LinearizerTest, ConcurrentOperationsHaveAnyOrder) {
  EXPECT_EQ(Linearize({Write(1, 1, 6), Read(0, 2, 3), Read(1, 4, 5)}, kBudget),
            Verdict::kLinearizable);
  // But one.
  EXPECT_EQ(Linearize({Write(1, 1, 6), Read(1, 2, 3), Read(0, 4, 5)}, kBudget),
            Verdict::kViolation);
}

TEST(LinearizerTest, UnknownWriteMayHappenLateOrNotAtAll) {
  EXPECT_EQ(Linearize({Maybe(1, 1), Read(0, 2, 3), Read(1, 4, 5)}, kBudget),
            Verdict::kLinearizable);
  EXPECT_EQ(Linearize({Maybe(1, 1), Read(0, 2, 3), Read(0, 4, 5)}, kBudget),
            Verdict::kLinearizable);
  // Once at most.
  EXPECT_EQ(Linearize({Maybe(1, 1), Read(1, 2, 3), Write(2, 4, 5), Read(2, 6, 7), Read(1, 8, 9)},
                      kBudget),
            Verdict::kViolation);
}

TEST(LinearizerTest, OneOfTwoSwapsOfTheSameSucceeds) {
  EXPECT_EQ(Linearize({Write(1, 1, 2), Swap(1, 2, 3, 6), Swap(1, 3, 4, 5)}, kBudget),
            Verdict::kViolation);
  EXPECT_EQ(Linearize({Write(1, 1, 2), Swap(1, 2, 3, 6), Swap(2, 3, 4, 5)}, kBudget),
            Verdict::kLinearizable);
}

TEST(LinearizerTest, GivesUpBeyondItsBudget) {
  std::vector<RegisterStep> steps;
  for (uint32_t i = 0; i < 20; ++i) steps.push_back(Write(i + 1, i + 1, 100 + i));
  steps.push_back(Read(99, 200, 201));
  EXPECT_EQ(Linearize(steps, kBudget), Verdict::kGaveUp);
}

}  // namespace
}  // namespace flotilla::testing
