#include "common/env/random.h"

#include <bit>
#include <random>

#include "common/base/check.h"
#include "common/base/checksum.h"

namespace flotilla::env {
namespace {

uint64_t SplitMix64(uint64_t& state) {
  uint64_t z = (state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed) : seed_(seed) {
  for (uint64_t& word : state_) word = SplitMix64(seed);
}

uint64_t Random::Next() {
  auto& s = state_;
  const uint64_t result = std::rotl(s[1] * 5, 7) * 9;
  const uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = std::rotl(s[3], 45);
  return result;
}

uint64_t Random::Uniform(uint64_t bound) {
  CHECK_GT(bound, 0u);
  // Values below 2^64 mod bound are drawn again, so that no remainder is favoured.
  const uint64_t threshold = (0 - bound) % bound;
  uint64_t drawn = Next();
  while (drawn < threshold) drawn = Next();
  return drawn % bound;
}

double Random::Fraction() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

Random Random::Fork(std::string_view label) const { return Random(Xxh3(label, seed_)); }

uint64_t Random::SystemSeed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

}  // namespace flotilla::env
