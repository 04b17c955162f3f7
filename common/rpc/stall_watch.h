// Notices that a stream stands still though its connection lives, such as one in whose frames a bit
// flipped: nobody reads on behind a length that is wrong. What goes by the stream now and then asks
// for an acknowledgement, alone if need be, and one that does not come for too long tells.
//
// On a narrow link a large message takes its time: after each stream that was given up without a
// word the next one has twice as long, up to a bound.
//
// Not thread-safe. Knows no stream and no clock: its owner tells what happens and when.
#ifndef FLOTILLA_COMMON_RPC_STALL_WATCH_H_
#define FLOTILLA_COMMON_RPC_STALL_WATCH_H_

#include <chrono>
#include <optional>

#include "common/env/clock.h"

namespace flotilla::rpc {

struct StallWatchOptions {
  // How long the other end may owe an acknowledgement; at least a second.
  env::Duration timeout = std::chrono::seconds(10);
  // To what it grows after streams without any.
  env::Duration max_timeout = std::chrono::seconds(80);
  // Not more often than this is asked.
  env::Duration ask_interval = std::chrono::seconds(1);
};

class StallWatch {
 public:
  explicit StallWatch(const StallWatchOptions& options)
      : options_(options), timeout_(options.timeout) {}

  // A stream is being opened. From here on it is watched.
  void OnOpening(env::Instant now);
  void OnUp();
  // It ended, for whatever reason.
  void OnDown();

  // Should the next message ask, though it brings nothing else?
  bool ShouldAsk(env::Instant now) const { return unasked_ && MayAsk(now); }
  // A message is sent; returns whether it must ask for an acknowledgement.
  [[nodiscard]] bool OnSend(env::Instant now);
  void OnAcknowledged(env::Instant now);
  // For streams on which the other end answers unasked: something was sent, or waits to be, to
  // which it has to say a word.
  void OnOwed(env::Instant now);

  // True once for each stream that should be given up.
  [[nodiscard]] bool GivesUp(env::Instant now);
  // Something is owed, so that somebody must look again.
  bool is_watching() const { return owed_since_.has_value(); }
  env::Duration timeout() const { return timeout_; }

 private:
  bool MayAsk(env::Instant now) const { return !asked_ && now >= next_ask_; }

  const StallWatchOptions options_;
  env::Duration timeout_;
  env::Instant next_ask_{};
  bool asked_ = false;
  // Something was sent after what asked last.
  bool unasked_ = false;
  std::optional<env::Instant> owed_since_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_STALL_WATCH_H_
