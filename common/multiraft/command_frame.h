// What is inside a kNormal log entry: the commands of one or more proposals.
//
// Format: a version byte (1), then each command with its varint length in front, to the end. An
// empty entry holds no command (a new leader's first entry).
#ifndef FLOTILLA_COMMON_MULTIRAFT_COMMAND_FRAME_H_
#define FLOTILLA_COMMON_MULTIRAFT_COMMAND_FRAME_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace flotilla::multiraft {

inline constexpr char kCommandFrameVersion = 1;
// Bytes that a frame adds to a command at most.
inline constexpr size_t kCommandFrameOverhead = 11;

class CommandFrameBuilder {
 public:
  void Add(std::string_view command);
  bool empty() const { return frame_.empty(); }
  size_t ByteSize() const { return frame_.size(); }
  // The frame; the builder is empty afterwards.
  std::string Take();

 private:
  std::string frame_;
};

// Yields the commands of a frame in the order in which they were added. The views point into the
// frame.
class CommandFrameReader {
 public:
  explicit CommandFrameReader(std::string_view frame);

  // False at the end, and when the frame is malformed: ask status().
  bool Next(std::string_view& command);
  // True when the last Next yielded the frame's last command.
  bool AtEnd() const { return rest_.empty(); }
  // DataLoss: unknown version or a command that is cut off.
  const absl::Status& status() const { return status_; }

 private:
  std::string_view rest_;
  absl::Status status_;
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_COMMAND_FRAME_H_
