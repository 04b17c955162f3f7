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

TEST(ChecksumTest, Xxh3OfPiecesIsThatOfTheWhole) {
  const std::string text(1000, 'a');
  for (const size_t piece : {1, 7, 64, 999, 1000}) {
    Xxh3Stream stream;
    for (size_t at = 0; at < text.size(); at += piece) {
      stream.Add(std::string_view(text).substr(at, piece));
    }
    EXPECT_EQ(stream.Digest(), Xxh3(text)) << piece;
  }
  EXPECT_EQ(Xxh3Stream().Digest(), Xxh3(""));
}

}  // namespace
}  // namespace flotilla
