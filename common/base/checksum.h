// Checksums and the ring's hash: XXH3-64 for everything that we write ourselves; CRC-64/XZ for the
// public protocol's RawChecksum (Crc64_Xor).
#ifndef FLOTILLA_COMMON_BASE_CHECKSUM_H_
#define FLOTILLA_COMMON_BASE_CHECKSUM_H_

#include <cstdint>
#include <string_view>

namespace flotilla {

uint64_t Xxh3(std::string_view data);
uint64_t Xxh3(std::string_view data, uint64_t seed);

// CRC-64/XZ (ECMA-182 polynomial, reflected): `crc` is the checksum of what came before, 0 at
// first.
uint64_t Crc64(uint64_t crc, std::string_view data);

}  // namespace flotilla

#endif  // FLOTILLA_COMMON_BASE_CHECKSUM_H_
