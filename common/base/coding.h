// Encodings that keep the order of what they encode, and the integers of our own formats.
//
// Put* append to a string. Get* take from the front of a view and return false, with the view
// unspecified, when it is too short or malformed.
#ifndef FLOTILLA_COMMON_BASE_CODING_H_
#define FLOTILLA_COMMON_BASE_CODING_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace flotilla {

// Big-endian: memory order is numeric order.
void PutBigEndian32(std::string& out, uint32_t value);
void PutBigEndian64(std::string& out, uint64_t value);
bool GetBigEndian32(std::string_view& in, uint32_t& value);
bool GetBigEndian64(std::string_view& in, uint64_t& value);

// LEB128, at most 10 bytes.
void PutVarint64(std::string& out, uint64_t value);
bool GetVarint64(std::string_view& in, uint64_t& value);

// A varint length and the bytes. The view that GetLengthPrefixed yields points into `in`.
void PutLengthPrefixed(std::string& out, std::string_view value);
bool GetLengthPrefixed(std::string_view& in, std::string_view& value);

// Memcomparable byte strings (the public protocol's region keys): groups of 8 bytes padded with
// zeros, each followed by 0xFF minus the number of pad bytes. Order is kept and no encoding is a
// prefix of another.
void PutMemcomparable(std::string& out, std::string_view value);
std::string EncodeMemcomparable(std::string_view value);
bool GetMemcomparable(std::string_view& in, std::string& value);

}  // namespace flotilla

#endif  // FLOTILLA_COMMON_BASE_CODING_H_
