// What Tab offers, place by place.
#include "client/cli/shell_completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ShellCompletion MakeCompletion() {
  const ArgumentWords json{"--json", /*takes_value=*/false};
  const ArgumentWords pd{"--pd"};
  const ArgumentWords format{"--format", true, false, {"tsv", "jsonl"}};
  const ArgumentWords output{"--output", true, /*is_file=*/true};
  const ArgumentWords key;
  const ArgumentWords file{"", true, /*is_file=*/true};
  return ShellCompletion({
      {"", {"up", "status", "kv", "region", "completion"}, {json, pd}, {}},
      {"up", {}, {}, {}},
      {"status", {}, {}, {}},
      {"kv", {"get", "load", "dump", "shell"}, {}, {}},
      {"kv get", {}, {{"--raw", false}}, {key}},
      {"kv load", {}, {format}, {file}},
      {"kv dump", {}, {format, output}, {}},
      {"kv shell", {}, {}, {}},
      {"region", {"list", "key"}, {}, {}},
      {"region list", {}, {{"--all", false}}, {}},
      {"region key", {}, {}, {key}},
      {"completion", {}, {}, {{"", true, false, {"bash", "zsh"}}}},
  });
}

class ShellCompletionTest : public ::testing::Test {
 protected:
  std::vector<std::string> Words(std::string_view before, std::string_view word = "") const {
    const ShellCompletion::Candidates candidates = completion_.Complete(before, word);
    EXPECT_FALSE(candidates.files) << before;
    return candidates.words;
  }
  bool IsFile(std::string_view before) const { return completion_.Complete(before, "").files; }

  const ShellCompletion completion_ = MakeCompletion();
};

TEST_F(ShellCompletionTest, ALineBeginsWithACommandOfTheShell) {
  EXPECT_THAT(Words(""), ElementsAre("get", "load", "dump", "status", "region", "help", "exit"));
  EXPECT_THAT(Words("  "), ElementsAre("get", "load", "dump", "status", "region", "help", "exit"));
  EXPECT_TRUE(completion_.IsKvCommand("get"));
  EXPECT_FALSE(completion_.IsKvCommand("status"));
}

TEST_F(ShellCompletionTest, AGroupIsFollowedByItsCommands) {
  EXPECT_THAT(Words("region "), ElementsAre("list", "key"));
  EXPECT_THAT(Words("region --json "), ElementsAre("list", "key"));
  EXPECT_THAT(Words("kv "), ElementsAre("get", "load", "dump", "shell"));
}

TEST_F(ShellCompletionTest, OptionsAreTheCommandsAndTheProgramsOwn) {
  EXPECT_THAT(Words("get k ", "--"), ElementsAre("--raw", "--json", "--pd"));
  EXPECT_THAT(Words("region list ", "-"), ElementsAre("--all", "--json", "--pd"));
  EXPECT_THAT(Words("", "--"), ElementsAre("--json", "--pd"));
}

TEST_F(ShellCompletionTest, WhereNoArgumentIsMeantOptionsAreOffered) {
  EXPECT_THAT(Words("region list "), ElementsAre("--all"));
  EXPECT_THAT(Words("dump "), ElementsAre("--format", "--output"));
}

TEST_F(ShellCompletionTest, ValuesAreOfferedWhereTheyAreKnown) {
  EXPECT_THAT(Words("dump --format "), ElementsAre("tsv", "jsonl"));
  EXPECT_THAT(Words("dump --format="), ElementsAre("tsv", "jsonl"));
  EXPECT_THAT(Words("dump --format tsv "), ElementsAre("--format", "--output"));
  EXPECT_THAT(Words("dump --format=tsv ", "-"),
              ElementsAre("--format", "--output", "--json", "--pd"));
  EXPECT_THAT(Words("get --pd "), IsEmpty());
}

TEST_F(ShellCompletionTest, FilesAreOfferedWhereOneIsMeantOnly) {
  EXPECT_TRUE(IsFile("load "));
  EXPECT_TRUE(IsFile("load --format tsv "));
  EXPECT_TRUE(IsFile("dump --output "));
  for (const char* before : {"", "get ", "get k ", "load file ", "region key ", "nonsense ",
                             "help ", "get 'a ", "dump --format "}) {
    EXPECT_FALSE(IsFile(before)) << before;
  }
}

TEST_F(ShellCompletionTest, KeysAreNotGuessed) {
  for (const char* before : {"get ", "get k ", "get 'a ", "region key ", "nonsense ", "help "}) {
    EXPECT_THAT(Words(before), IsEmpty()) << before;
  }
}

}  // namespace
}  // namespace flotilla::cli
