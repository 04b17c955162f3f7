// Takes decisions and pieces from the front of an input. Past its end everything is 0 and empty, so
// that each input means something.
#ifndef FLOTILLA_TESTS_FUZZ_FUZZ_INPUT_H_
#define FLOTILLA_TESTS_FUZZ_FUZZ_INPUT_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace flotilla::fuzz {

class FuzzInput {
 public:
  explicit FuzzInput(std::string_view rest) : rest_(rest) {}

  bool empty() const { return rest_.empty(); }
  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const char byte = rest_.front();
    rest_.remove_prefix(1);
    return static_cast<uint8_t>(byte);
  }
  bool Bool() { return (Byte() & 1) != 0; }
  uint64_t Below(uint64_t bound) { return Byte() % bound; }
  uint64_t Number() {
    uint64_t number = 0;
    for (int i = 0; i < 8; ++i) number = number << 8 | Byte();
    return number;
  }
  // A length of two bytes, and so many bytes, or as many as there are.
  std::string_view Piece() {
    const size_t high = Byte();
    const size_t low = Byte();
    const size_t length = std::min(rest_.size(), high << 8 | low);
    const std::string_view piece = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return piece;
  }
  std::string_view Rest() const { return rest_; }

 private:
  std::string_view rest_;
};

// What FuzzInput::Piece takes apart. REQUIRES: less than 64 KiB.
inline std::string AsPiece(std::string_view bytes) {
  std::string piece = {static_cast<char>(bytes.size() >> 8), static_cast<char>(bytes.size())};
  return piece.append(bytes);
}

}  // namespace flotilla::fuzz

#endif  // FLOTILLA_TESTS_FUZZ_FUZZ_INPUT_H_
