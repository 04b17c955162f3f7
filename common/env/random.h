// Seeded randomness that comes in by constructor. The same seed gives the same numbers on every
// machine (xoshiro256** seeded by SplitMix64, Blackman and Vigna 2018). Not for secrets.
//
// Not thread-safe: each owner forks its own.
#ifndef FLOTILLA_COMMON_ENV_RANDOM_H_
#define FLOTILLA_COMMON_ENV_RANDOM_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace flotilla::env {

class Random {
 public:
  explicit Random(uint64_t seed);

  uint64_t Next();
  // Uniform in [0, bound). REQUIRES: bound > 0.
  uint64_t Uniform(uint64_t bound);
  // Uniform in [low, high]. REQUIRES: low <= high.
  uint64_t Between(uint64_t low, uint64_t high) { return low + Uniform(high - low + 1); }
  // Uniform in [0, 1).
  double Fraction();
  bool Chance(double probability) { return Fraction() < probability; }

  // An independent generator for the part called `label`: what one part draws does not shift what
  // another one draws.
  Random Fork(std::string_view label) const;

  // A seed from the operating system; log it, so that a run can be told.
  static uint64_t SystemSeed();

 private:
  uint64_t seed_;
  std::array<uint64_t, 4> state_;
};

}  // namespace flotilla::env

#endif  // FLOTILLA_COMMON_ENV_RANDOM_H_
