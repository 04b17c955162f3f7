#include "common/multiraft/command_frame.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/coding.h"

namespace flotilla::multiraft {

void CommandFrameBuilder::Add(std::string_view command) {
  if (frame_.empty()) {
    frame_.reserve(command.size() + kCommandFrameOverhead);
    frame_.push_back(kCommandFrameVersion);
  }
  PutLengthPrefixed(frame_, command);
}

std::string CommandFrameBuilder::Take() { return std::exchange(frame_, std::string()); }

CommandFrameReader::CommandFrameReader(std::string_view frame) : rest_(frame) {
  if (rest_.empty()) return;
  if (rest_.front() != kCommandFrameVersion) {
    status_ =
        absl::DataLossError(absl::StrFormat("command frame of %d bytes has version %d, not %d",
                                            frame.size(), rest_.front(), kCommandFrameVersion));
    rest_ = {};
    return;
  }
  rest_.remove_prefix(1);
}

bool CommandFrameReader::Next(std::string_view& command) {
  if (rest_.empty()) return false;
  if (GetLengthPrefixed(rest_, command)) return true;
  status_ = absl::DataLossError("command frame ends in the middle of a command");
  rest_ = {};
  return false;
}

}  // namespace flotilla::multiraft
