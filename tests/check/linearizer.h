// The search for an order of one key's operations in which every result is right.
//
// Pure; not thread-safe.
#ifndef FLOTILLA_TESTS_CHECK_LINEARIZER_H_
#define FLOTILLA_TESTS_CHECK_LINEARIZER_H_

#include <cstdint>
#include <vector>

namespace flotilla::testing {

// Values are numbers; 0 stands for an absent key.
struct RegisterStep {
  enum class Kind : uint8_t { kRead, kWrite, kSwap, kFailedSwap };
  Kind kind = Kind::kRead;
  uint32_t value = 0;     // Written, or found by a read or a failed swap.
  uint32_t expected = 0;  // Of a swap.
  uint64_t begin = 0;
  uint64_t end = 0;
  // It may be left out.
  bool optional = false;
};

enum class Verdict { kLinearizable, kViolation, kGaveUp };

// `steps` in the order of their beginnings; no two times are equal. kGaveUp: more than `budget`
// states were looked at.
Verdict Linearize(const std::vector<RegisterStep>& steps, uint64_t budget);

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_CHECK_LINEARIZER_H_
