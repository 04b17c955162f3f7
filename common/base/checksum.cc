#include "common/base/checksum.h"

#include <xxhash.h>

#include <array>

namespace flotilla {
namespace {

constexpr uint64_t kReflectedEcma182 = 0xC96C5795D7870F42;

constexpr std::array<uint64_t, 256> MakeCrcTable() {
  std::array<uint64_t, 256> table{};
  for (uint64_t i = 0; i < 256; ++i) {
    uint64_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) ? (crc >> 1) ^ kReflectedEcma182 : crc >> 1;
    table[i] = crc;
  }
  return table;
}

constexpr std::array<uint64_t, 256> kCrcTable = MakeCrcTable();

}  // namespace

uint64_t Xxh3(std::string_view data) { return XXH3_64bits(data.data(), data.size()); }

uint64_t Xxh3(std::string_view data, uint64_t seed) {
  return XXH3_64bits_withSeed(data.data(), data.size(), seed);
}

struct Xxh3Stream::State {
  State() { XXH3_64bits_reset(xxh); }
  ~State() { XXH3_freeState(xxh); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  XXH3_state_t* const xxh = XXH3_createState();
};

Xxh3Stream::Xxh3Stream() : state_(std::make_unique<State>()) {}
Xxh3Stream::~Xxh3Stream() = default;

void Xxh3Stream::Add(std::string_view data) {
  XXH3_64bits_update(state_->xxh, data.data(), data.size());
}

uint64_t Xxh3Stream::Digest() const { return XXH3_64bits_digest(state_->xxh); }

uint64_t Crc64(uint64_t crc, std::string_view data) {
  crc = ~crc;
  for (const char c : data) crc = kCrcTable[(crc ^ static_cast<uint8_t>(c)) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

}  // namespace flotilla
