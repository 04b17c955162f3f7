// Decides how long a leader's lease holds, from the rounds of heartbeats that a quorum has
// answered, and publishes it in the group's LeaderLease.
//
// A follower that answered a round ignores votes until it has counted election_timeout_ticks ticks
// since. Of those the first may come at once, the others not before a tick interval each, so that
// from the start of the round no other leader can be elected for (election_timeout_ticks - 1) ticks
// of real time (thesis 6.4.1). A fraction of that is the lease: clocks may run at different speeds.
//
// Thread: the raft worker that owns the group.
#ifndef FLOTILLA_COMMON_MULTIRAFT_LEASE_KEEPER_H_
#define FLOTILLA_COMMON_MULTIRAFT_LEASE_KEEPER_H_

#include <cstdint>
#include <deque>
#include <memory>

#include "common/env/clock.h"
#include "common/multiraft/lease.h"

namespace flotilla::multiraft {

class LeaseKeeper {
 public:
  // `length` counts from the start of a round.
  LeaseKeeper(std::shared_ptr<LeaderLease> lease, env::Duration length);
  // A peer that is gone answers no reads.
  ~LeaseKeeper() { lease_->Expire(); }
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;

  // This peer leads `term`. A new term starts without rounds and without a lease.
  void OnLeader(Term term);
  // This peer does not lead.
  void OnNotLeader();

  // The newest round that was begun is `round`, and the clock showed `before` at some time before
  // it began. Call before the round's messages are sent. Rounds that are known are ignored.
  void OnRoundBegun(uint64_t round, env::Instant before);

  // Leadership is being transferred. No lease for the rest of the term, even if the transfer is
  // given up:
  //  1. The leader sends TimeoutNow to B; the network holds it back.
  //  2. The transfer is given up after an election timeout. A quorum answers the next heartbeats.
  //  3. TimeoutNow reaches B, which campaigns at once; because the leader itself asked for this
  //     election, followers vote although they hear from the leader.
  //  4. B leads and acknowledges a write. A lease from 2 would let the old leader serve the value
  //     before it.
  // In a later term the delayed TimeoutNow is of an old term and ignored.
  void OnTransferBegun();

  // A quorum has answered `round` (RawNode::QuorumHeartbeatRound) and this leader has applied an
  // entry of its own term, so that everything that was ever acknowledged is applied.
  void OnQuorum(uint64_t round);

  bool ValidAt(env::Instant now) const { return lease_->ValidAt(now); }
  // Rounds begun and not answered yet.
  size_t pending_rounds() const { return rounds_.size(); }

 private:
  struct Round {
    uint64_t number;
    env::Instant before;
  };
  // Beyond it, rounds share the clock of an older one, which only shortens the lease.
  static constexpr size_t kMaxRounds = 64;

  const std::shared_ptr<LeaderLease> lease_;
  const env::Duration length_;
  Term term_;  // 0: not leader.
  bool transferring_ = false;
  uint64_t newest_round_ = 0;
  std::deque<Round> rounds_;
  env::Instant expiry_ = env::Instant::min();
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_LEASE_KEEPER_H_
