// What one round of a raft worker collects from all the peers that it touched, to hand it on in one
// piece: one log write, one apply round a worker.
#ifndef FLOTILLA_COMMON_MULTIRAFT_ROUND_H_
#define FLOTILLA_COMMON_MULTIRAFT_ROUND_H_

#include <utility>
#include <vector>

#include "common/env/clock.h"
#include "common/multiraft/apply_task.h"
#include "common/multiraft/peer_message.h"
#include "common/net/envelope.h"
#include "common/raftlog/log_batch.h"

namespace flotilla::multiraft {

struct Round {
  // Read after the inbox was emptied and before anything in it was handled: no read that is
  // answered in this round began later, and no heartbeat that is sent in it began earlier.
  env::Instant now;

  // One log write.
  std::vector<raftlog::LogChange> changes;
  std::vector<net::Envelope> after_durable;  // Votes and append responses.
  std::vector<PersistedAppend> appends;
  std::vector<DurableCallback> durable_callbacks;

  std::vector<ApplyRound> apply;  // By apply worker.

  bool HasLogWrite() const {
    return !changes.empty() || !after_durable.empty() || !appends.empty() ||
           !durable_callbacks.empty();
  }
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_ROUND_H_
