#include "common/base/bytes.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace flotilla {
namespace {

TEST(BytesTest, CopiesShareWhatTheyHold) {
  const Bytes first(std::string(100, 'x'));
  const Bytes second = first;
  EXPECT_EQ(first.view().data(), second.view().data());
  EXPECT_EQ(first, second);
}

TEST(BytesTest, TheViewOutlivesTheFirstHolder) {
  Bytes first(std::string(100, 'x'));
  const Bytes second = first;
  first = Bytes("other");
  EXPECT_EQ(second.view(), std::string(100, 'x'));
  EXPECT_NE(first, second);
}

TEST(BytesTest, EmptyHasNoSize) {
  EXPECT_TRUE(Bytes().empty());
  EXPECT_EQ(Bytes(""), Bytes());
  EXPECT_EQ(Bytes().view(), "");
  EXPECT_EQ(Bytes::Copy(std::string_view("a\0b", 3)).size(), 3u);
}

TEST(BytesTest, ViewsCrossTheBorderToAbseilWhole) {
  const std::string_view view("a\0b", 3);
  EXPECT_EQ(FromAbsl(ToAbsl(view)), view);
}

}  // namespace
}  // namespace flotilla
