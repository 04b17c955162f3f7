// Checksums and the ring's hash: XXH3-64 for everything that we write ourselves; CRC-64/XZ for the
// public protocol's RawChecksum (Crc64_Xor).
#ifndef FLOTILLA_COMMON_BASE_CHECKSUM_H_
#define FLOTILLA_COMMON_BASE_CHECKSUM_H_

#include <cstdint>
#include <memory>
#include <string_view>

namespace flotilla {

uint64_t Xxh3(std::string_view data);
uint64_t Xxh3(std::string_view data, uint64_t seed);

// XXH3-64 of data that come in pieces: the same as of the whole. Not thread-safe.
class Xxh3Stream {
 public:
  Xxh3Stream();
  ~Xxh3Stream();
  Xxh3Stream(const Xxh3Stream&) = delete;
  Xxh3Stream& operator=(const Xxh3Stream&) = delete;

  void Add(std::string_view data);
  // Of what was added so far.
  uint64_t Digest() const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

// CRC-64/XZ (ECMA-182 polynomial, reflected): `crc` is the checksum of what came before, 0 at
// first.
uint64_t Crc64(uint64_t crc, std::string_view data);

}  // namespace flotilla

#endif  // FLOTILLA_COMMON_BASE_CHECKSUM_H_
