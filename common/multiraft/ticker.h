// The stage that counts Raft time: one message a worker each tick_interval, whatever the number of
// groups.
//
// Two ticks are never closer than the interval, and none is made up for after a pause: a follower's
// count of ticks must not run faster than the time that a leader's lease is measured in.
//
// Thread: its own.
#ifndef FLOTILLA_COMMON_MULTIRAFT_TICKER_H_
#define FLOTILLA_COMMON_MULTIRAFT_TICKER_H_

#include <optional>
#include <string_view>

#include "common/env/clock.h"
#include "common/env/stage.h"
#include "common/multiraft/router.h"

namespace flotilla::multiraft {

class Ticker final : public env::Stage {
 public:
  Ticker(env::Duration interval, const env::Clock* clock, const Router* router)
      : interval_(interval), clock_(clock), router_(router) {}

  std::string_view name() const override { return "raft-ticker"; }
  bool RunOnce() override {
    const env::Instant now = clock_->Now();
    if (next_ && now >= *next_) {
      for (int i = 0; i < router_->workers(); ++i) router_->worker(i).PushTick();
      next_.reset();
    }
    if (!next_) next_ = now + interval_;
    return false;
  }
  std::optional<env::Instant> next_deadline() const override { return next_; }

 private:
  const env::Duration interval_;
  const env::Clock* const clock_;
  const Router* const router_;
  std::optional<env::Instant> next_;
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_TICKER_H_
