// What the checkers of a test found wrong, in words; the first few of it.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SUPPORT_VIOLATIONS_H_
#define FLOTILLA_TESTS_SUPPORT_VIOLATIONS_H_

#include <string>
#include <utility>
#include <vector>

namespace flotilla::testing {

class Violations {
 public:
  void Add(std::string what) {
    if (all_.size() < kMax) all_.push_back(std::move(what));
  }
  bool empty() const { return all_.empty(); }
  const std::vector<std::string>& all() const { return all_; }

 private:
  static constexpr size_t kMax = 20;

  std::vector<std::string> all_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_VIOLATIONS_H_
