#include "common/base/checksum.h"

#include <gtest/gtest.h>

#include <string>

namespace flotilla {
namespace {

TEST(ChecksumTest, Crc64KnownAnswer) {
  EXPECT_EQ(Crc64(0, "123456789"), 0x995DC9BBDF1939FAu);
  EXPECT_EQ(Crc64(0, ""), 0u);
}

TEST(ChecksumTest, Crc64GoesOnWhereItStopped) {
  const std::string text = "the quick brown fox";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(Crc64(Crc64(0, text.substr(0, cut)), text.substr(cut)), Crc64(0, text));
  }
}

TEST(ChecksumTest, Xxh3KnownAnswer) {
  // XXH3-64 of the empty input with seed 0, from the algorithm's own test vectors.
  EXPECT_EQ(Xxh3(""), 0x2D06800538D394C2u);
}

TEST(ChecksumTest, Xxh3DependsOnEveryByteAndOnTheSeed) {
  std::string text(300, 'a');
  const uint64_t before = Xxh3(text);
  EXPECT_EQ(Xxh3(text, 0), before);
  EXPECT_NE(Xxh3(text, 1), before);
  for (char& c : text) {
    c = 'b';
    EXPECT_NE(Xxh3(text), before);
    c = 'a';
  }
}

}  // namespace
}  // namespace flotilla
