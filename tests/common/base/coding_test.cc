#include "common/base/coding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace flotilla {
namespace {

// Strings that stress group borders, pads and the order of bytes above 0x7F; seeded, so that every
// run sees the same ones.
std::vector<std::string> SampleStrings() {
  std::vector<std::string> samples = {"", std::string(1, '\0'), std::string(8, '\0'),
                                      std::string(9, '\0'), std::string(8, '\xff')};
  std::mt19937_64 random(20160);
  const std::string alphabet("\x00\x01\x7f\x80\xfe\xff", 6);
  for (int i = 0; i < 300; ++i) {
    std::string text(random() % 26, '\0');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    samples.push_back(text);
    samples.push_back(text.substr(0, text.size() / 2));
  }
  return samples;
}

TEST(CodingTest, BigEndianIsMostSignificantByteFirst) {
  std::string out;
  PutBigEndian32(out, 0x01020304);
  PutBigEndian64(out, 0x05060708090A0B0C);
  EXPECT_EQ(out, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c");
  std::string_view in = out;
  uint32_t small = 0;
  uint64_t large = 0;
  ASSERT_TRUE(GetBigEndian32(in, small));
  ASSERT_TRUE(GetBigEndian64(in, large));
  EXPECT_EQ(small, 0x01020304u);
  EXPECT_EQ(large, 0x05060708090A0B0Cu);
  EXPECT_TRUE(in.empty());
}

TEST(CodingTest, BigEndianKeepsTheOrderOfNumbers) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t a = random() >> (random() % 64), b = random() >> (random() % 64);
    std::string x, y;
    PutBigEndian64(x, a);
    PutBigEndian64(y, b);
    EXPECT_EQ(a < b, x < y) << a << " " << b;
  }
}

TEST(CodingTest, AShortIntegerIsRefused) {
  std::string_view in = "abc";
  uint32_t small = 0;
  EXPECT_FALSE(GetBigEndian32(in, small));
  in = "abcdefg";
  uint64_t large = 0;
  EXPECT_FALSE(GetBigEndian64(in, large));
}

TEST(CodingTest, VarintsReadBackAtEveryLength) {
  for (unsigned bits = 0; bits < 64; ++bits) {
    for (const uint64_t value : {uint64_t{1} << bits, (uint64_t{1} << bits) - 1}) {
      std::string out;
      PutVarint64(out, value);
      EXPECT_LE(out.size(), 10u);
      std::string_view in = out;
      uint64_t read = 0;
      ASSERT_TRUE(GetVarint64(in, read)) << value;
      EXPECT_EQ(read, value);
      EXPECT_TRUE(in.empty());
    }
  }
}

TEST(CodingTest, CutAndOverlongVarintsAreRefused) {
  std::string out;
  PutVarint64(out, std::numeric_limits<uint64_t>::max());
  ASSERT_EQ(out.size(), 10u);
  uint64_t read = 0;
  for (size_t size = 0; size < out.size(); ++size) {
    std::string_view in = std::string_view(out).substr(0, size);
    EXPECT_FALSE(GetVarint64(in, read)) << size;
  }
  out.back() = 2;  // A 65th bit.
  std::string_view in = out;
  EXPECT_FALSE(GetVarint64(in, read));
  const std::string endless(11, '\x80');
  in = endless;
  EXPECT_FALSE(GetVarint64(in, read));
}

TEST(CodingTest, LengthPrefixedStringsReadBackInSequence) {
  std::string out;
  for (const std::string& text : SampleStrings()) PutLengthPrefixed(out, text);
  std::string_view in = out;
  for (const std::string& text : SampleStrings()) {
    std::string_view read;
    ASSERT_TRUE(GetLengthPrefixed(in, read));
    EXPECT_EQ(read, text);
  }
  EXPECT_TRUE(in.empty());
}

TEST(CodingTest, ALengthBeyondTheEndIsRefused) {
  std::string out;
  PutLengthPrefixed(out, "abcdef");
  out.pop_back();
  std::string_view in = out, read;
  EXPECT_FALSE(GetLengthPrefixed(in, read));
}

TEST(CodingTest, MemcomparableKnownAnswers) {
  EXPECT_EQ(EncodeMemcomparable(""), std::string("\0\0\0\0\0\0\0\0\xf7", 9));
  EXPECT_EQ(EncodeMemcomparable("a"), std::string("a\0\0\0\0\0\0\0\xf8", 9));
  EXPECT_EQ(EncodeMemcomparable("abcdefgh"), std::string("abcdefgh\xff\0\0\0\0\0\0\0\0\xf7", 18));
}

TEST(CodingTest, MemcomparableReadsBackAndLeavesTheRest) {
  for (const std::string& text : SampleStrings()) {
    std::string out = EncodeMemcomparable(text);
    EXPECT_EQ(out.size(), (text.size() / 8 + 1) * 9);
    out += "rest";
    std::string_view in = out;
    std::string read;
    ASSERT_TRUE(GetMemcomparable(in, read));
    EXPECT_EQ(read, text);
    EXPECT_EQ(in, "rest");
  }
}

TEST(CodingTest, MemcomparableKeepsTheOrderAndIsPrefixFree) {
  std::vector<std::string> samples = SampleStrings();
  std::sort(samples.begin(), samples.end());
  samples.erase(std::unique(samples.begin(), samples.end()), samples.end());
  for (size_t i = 1; i < samples.size(); ++i) {
    const std::string a = EncodeMemcomparable(samples[i - 1]), b = EncodeMemcomparable(samples[i]);
    EXPECT_LT(a, b);
    EXPECT_NE(b.substr(0, a.size()), a) << "an encoding is a prefix of another";
  }
}

TEST(CodingTest, MalformedMemcomparableIsRefused) {
  std::string read;
  for (const std::string& bad : {std::string(), std::string("abcdefgh"),
                                 std::string("abcdefgh\xff", 9),           // Goes on, but does not.
                                 std::string("a\0\0\0\0\0\0\0\xf6", 9),    // A pad of nine.
                                 std::string("a\0\0\0\0\0\0x\xf8", 9)}) {  // Pads with no zero.
    std::string_view in = bad;
    EXPECT_FALSE(GetMemcomparable(in, read));
  }
}

}  // namespace
}  // namespace flotilla
