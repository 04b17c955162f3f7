#include "common/multiraft/command_frame.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flotilla::multiraft {
namespace {

std::vector<std::string> ReadAll(std::string_view frame, absl::Status* status) {
  CommandFrameReader reader(frame);
  std::vector<std::string> commands;
  std::string_view command;
  while (reader.Next(command)) commands.emplace_back(command);
  *status = reader.status();
  return commands;
}

TEST(CommandFrame, HoldsCommandsInOrder) {
  CommandFrameBuilder builder;
  EXPECT_TRUE(builder.empty());
  const std::vector<std::string> commands = {"put a", "", std::string(300, 'x'), "put b"};
  for (const std::string& command : commands) builder.Add(command);
  const std::string frame = builder.Take();
  EXPECT_TRUE(builder.empty());
  absl::Status status;
  EXPECT_EQ(ReadAll(frame, &status), commands);
  EXPECT_TRUE(status.ok());
}

TEST(CommandFrame, TellsTheLastCommand) {
  CommandFrameBuilder builder;
  builder.Add("one");
  builder.Add("two");
  const std::string frame = builder.Take();
  CommandFrameReader reader(frame);
  std::string_view command;
  ASSERT_TRUE(reader.Next(command));
  EXPECT_FALSE(reader.AtEnd());
  ASSERT_TRUE(reader.Next(command));
  EXPECT_TRUE(reader.AtEnd());
}

TEST(CommandFrame, AnEmptyEntryHoldsNoCommand) {
  absl::Status status;
  EXPECT_TRUE(ReadAll("", &status).empty());
  EXPECT_TRUE(status.ok());
}

TEST(CommandFrame, RefusesWhatItDidNotWrite) {
  absl::Status status;
  EXPECT_TRUE(ReadAll("\x02\x01x", &status).empty());
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;

  CommandFrameBuilder builder;
  builder.Add("first");
  builder.Add("second");
  const std::string frame = builder.Take();
  EXPECT_EQ(ReadAll(std::string_view(frame).substr(0, frame.size() - 1), &status),
            std::vector<std::string>{"first"});
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

}  // namespace
}  // namespace flotilla::multiraft
