#include "common/raft/inflights.h"

#include "common/base/check.h"

namespace flotilla::raft {

void Inflights::Add(Index last, uint64_t bytes) {
  CHECK(!Full()) << "an append was sent beyond the window of " << max_messages_ << " messages";
  CHECK(messages_.empty() || messages_.back().last < last);
  messages_.push_back({last, bytes});
  bytes_ += bytes;
}

void Inflights::FreeUpTo(Index index) {
  while (!messages_.empty() && messages_.front().last <= index) {
    bytes_ -= messages_.front().bytes;
    messages_.pop_front();
  }
}

void Inflights::Clear() {
  messages_.clear();
  bytes_ = 0;
}

}  // namespace flotilla::raft
