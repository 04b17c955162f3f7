// The leader's lease, published to reading threads: while it holds, this peer is certainly the
// leader, and everything that any leader has acknowledged is applied here, so that a read of the
// engine is linearizable without asking anybody (thesis 6.4.1).
//
// Written by the group's RaftWorker, read by any thread. A reader that finds the lease valid and
// *then* reads the engine is right even if it is paused in between: the value was current when the
// lease was looked at, which lies within the read.
#ifndef FLOTILLA_COMMON_MULTIRAFT_LEASE_H_
#define FLOTILLA_COMMON_MULTIRAFT_LEASE_H_

#include <atomic>

#include "common/base/ids.h"
#include "common/env/clock.h"

namespace flotilla::multiraft {

class LeaderLease {
 public:
  bool ValidAt(env::Instant now) const {
    return now.time_since_epoch().count() < expiry_.load(std::memory_order_acquire);
  }
  // The leader's term while the lease is or was valid last.
  Term term() const { return Term(term_.load(std::memory_order_acquire)); }

  void Extend(Term term, env::Instant expiry) {
    term_.store(term.value(), std::memory_order_release);
    expiry_.store(expiry.time_since_epoch().count(), std::memory_order_release);
  }
  void Expire() { expiry_.store(kExpired, std::memory_order_release); }

 private:
  static constexpr env::Duration::rep kExpired = INT64_MIN;
  std::atomic<env::Duration::rep> expiry_{kExpired};
  std::atomic<uint64_t> term_{0};
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_LEASE_H_
