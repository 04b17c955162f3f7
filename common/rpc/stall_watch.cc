#include "common/rpc/stall_watch.h"

#include <algorithm>

namespace flotilla::rpc {

void StallWatch::OnOpening(env::Instant now) {
  OnDown();
  next_ask_ = now;
  owed_since_ = now;
}

void StallWatch::OnUp() {
  // Nothing was sent yet.
  owed_since_.reset();
}

void StallWatch::OnDown() {
  asked_ = false;
  unasked_ = false;
  owed_since_.reset();
}

bool StallWatch::OnSend(env::Instant now) {
  OnOwed(now);
  if (!MayAsk(now)) {
    unasked_ = true;
    return false;
  }
  asked_ = true;
  unasked_ = false;
  next_ask_ = now + options_.ask_interval;
  return true;
}

void StallWatch::OnAcknowledged(env::Instant now) {
  timeout_ = options_.timeout;
  asked_ = false;
  owed_since_.reset();
  // As late as what was sent last: what was sent behind the question has yet to be asked for.
  if (unasked_) owed_since_ = now;
}

void StallWatch::OnOwed(env::Instant now) {
  if (!owed_since_.has_value()) owed_since_ = now;
}

bool StallWatch::GivesUp(env::Instant now) {
  if (!owed_since_.has_value() || now - *owed_since_ < timeout_) return false;
  timeout_ = std::min(2 * timeout_, std::max(options_.max_timeout, options_.timeout));
  OnDown();
  return true;
}

}  // namespace flotilla::rpc
