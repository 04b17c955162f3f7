// The append messages on the way to one follower, limited by their number and by their bytes.
#ifndef FLOTILLA_COMMON_RAFT_INFLIGHTS_H_
#define FLOTILLA_COMMON_RAFT_INFLIGHTS_H_

#include <cstdint>
#include <deque>

#include "common/base/ids.h"

namespace flotilla::raft {

class Inflights {
 public:
  Inflights(uint32_t max_messages, uint64_t max_bytes)
      : max_messages_(max_messages), max_bytes_(max_bytes) {}

  // A message whose last entry is `last` was sent. REQUIRES: !Full(), and `last` grows.
  void Add(Index last, uint64_t bytes);
  // Everything up to `index` has arrived.
  void FreeUpTo(Index index);
  void Clear();

  // The bytes may pass their limit by one message, so that one of any size can be sent.
  bool Full() const { return messages_.size() >= max_messages_ || bytes_ >= max_bytes_; }
  uint32_t count() const { return static_cast<uint32_t>(messages_.size()); }
  uint64_t bytes() const { return bytes_; }

 private:
  struct Sent {
    Index last;
    uint64_t bytes;
  };
  uint32_t max_messages_;
  uint64_t max_bytes_;
  uint64_t bytes_ = 0;
  std::deque<Sent> messages_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_INFLIGHTS_H_
