// An integer that does not mix with others: adding a Term to an Index does not compile.
#ifndef FLOTILLA_COMMON_BASE_STRONG_INT_H_
#define FLOTILLA_COMMON_BASE_STRONG_INT_H_

#include <compare>
#include <cstdint>
#include <ostream>
#include <utility>

namespace flotilla {

template <typename Tag, typename Rep = uint64_t>
class StrongInt {
 public:
  using rep = Rep;

  constexpr StrongInt() = default;
  constexpr explicit StrongInt(Rep value) : value_(value) {}

  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const StrongInt&) const = default;

  constexpr StrongInt& operator++() {
    ++value_;
    return *this;
  }
  constexpr StrongInt& operator--() {
    --value_;
    return *this;
  }
  constexpr StrongInt& operator+=(Rep delta) {
    value_ += delta;
    return *this;
  }
  constexpr StrongInt& operator-=(Rep delta) {
    value_ -= delta;
    return *this;
  }
  friend constexpr StrongInt operator+(StrongInt a, Rep delta) {
    return StrongInt(a.value_ + delta);
  }
  friend constexpr StrongInt operator-(StrongInt a, Rep delta) {
    return StrongInt(a.value_ - delta);
  }
  // The distance between two values of the same kind.
  friend constexpr Rep operator-(StrongInt a, StrongInt b) { return a.value_ - b.value_; }

  template <typename H>
  friend H AbslHashValue(H state, StrongInt v) {
    return H::combine(std::move(state), v.value_);
  }
  friend std::ostream& operator<<(std::ostream& out, StrongInt v) { return out << +v.value_; }

 private:
  Rep value_ = 0;
};

}  // namespace flotilla

#endif  // FLOTILLA_COMMON_BASE_STRONG_INT_H_
