#include "common/base/coding.h"

#include <algorithm>

namespace flotilla {
namespace {

constexpr size_t kGroup = 8;
constexpr uint8_t kMarker = 0xFF;

template <typename T>
void PutBigEndian(std::string& out, T value) {
  char bytes[sizeof(T)];
  for (size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<char>(value >> (8 * (sizeof(T) - 1 - i)));
  }
  out.append(bytes, sizeof(T));
}

template <typename T>
bool GetBigEndian(std::string_view& in, T& value) {
  if (in.size() < sizeof(T)) return false;
  value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value = (value << 8) | static_cast<uint8_t>(in[i]);
  in.remove_prefix(sizeof(T));
  return true;
}

}  // namespace

void PutBigEndian32(std::string& out, uint32_t value) { PutBigEndian(out, value); }
void PutBigEndian64(std::string& out, uint64_t value) { PutBigEndian(out, value); }
bool GetBigEndian32(std::string_view& in, uint32_t& value) { return GetBigEndian(in, value); }
bool GetBigEndian64(std::string_view& in, uint64_t& value) { return GetBigEndian(in, value); }

void PutVarint64(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

bool GetVarint64(std::string_view& in, uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    if (shift == 63 && byte > 1) return false;
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

void PutLengthPrefixed(std::string& out, std::string_view value) {
  PutVarint64(out, value.size());
  out.append(value);
}

bool GetLengthPrefixed(std::string_view& in, std::string_view& value) {
  uint64_t size = 0;
  if (!GetVarint64(in, size) || size > in.size()) return false;
  value = in.substr(0, size);
  in.remove_prefix(size);
  return true;
}

void PutMemcomparable(std::string& out, std::string_view value) {
  out.reserve(out.size() + (value.size() / kGroup + 1) * (kGroup + 1));
  for (size_t at = 0; at <= value.size(); at += kGroup) {
    const size_t taken = std::min(kGroup, value.size() - at);
    out.append(value.substr(at, taken));
    out.append(kGroup - taken, '\0');
    out.push_back(static_cast<char>(kMarker - (kGroup - taken)));
  }
}

std::string EncodeMemcomparable(std::string_view value) {
  std::string out;
  PutMemcomparable(out, value);
  return out;
}

bool GetMemcomparable(std::string_view& in, std::string& value) {
  value.clear();
  while (in.size() >= kGroup + 1) {
    const std::string_view group = in.substr(0, kGroup);
    const size_t pad = kMarker - static_cast<uint8_t>(in[kGroup]);
    in.remove_prefix(kGroup + 1);
    if (pad > kGroup) return false;
    value.append(group.substr(0, kGroup - pad));
    if (pad == 0) continue;
    // Only zeros may pad, or two encodings would mean one key.
    return group.find_first_not_of('\0', kGroup - pad) == std::string_view::npos;
  }
  return false;
}

}  // namespace flotilla
