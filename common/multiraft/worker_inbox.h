// The inbox of one raft worker, with a bound for each kind of sender: requests of callers first
// feel that the worker is behind, messages of other stores later, completions never.
//
// Thread-safe.
#ifndef FLOTILLA_COMMON_MULTIRAFT_WORKER_INBOX_H_
#define FLOTILLA_COMMON_MULTIRAFT_WORKER_INBOX_H_

#include <atomic>
#include <utility>
#include <vector>

#include "common/env/inbox.h"
#include "common/multiraft/peer_message.h"

namespace flotilla::multiraft {

class WorkerInbox {
 public:
  // `capacity` requests, and twice as many messages in all; of those received, `max_received_bytes`
  // and one more.
  WorkerInbox(size_t capacity, uint64_t max_received_bytes)
      : capacity_(capacity), max_received_bytes_(max_received_bytes), inbox_(2 * capacity) {}

  void SetWaker(env::Waker* waker) { inbox_.SetWaker(waker); }

  // False, and `message` untouched, when too many requests wait.
  [[nodiscard]] bool TryPushRequest(PeerMessage&& message) {
    if (requests_.load(std::memory_order_relaxed) >= capacity_) return false;
    requests_.fetch_add(1, std::memory_order_relaxed);
    return inbox_.TryPush(std::move(message));
  }
  // False, and `message` untouched, when too much waits.
  [[nodiscard]] bool TryPushReceived(PeerMessage&& message, uint64_t bytes) {
    if (received_bytes_.load(std::memory_order_relaxed) > max_received_bytes_) return false;
    received_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    return inbox_.TryPush(std::move(message));
  }
  void Push(PeerMessage&& message) { inbox_.PushCompletion(std::move(message)); }
  // At most one tick waits: a worker that is late does not count time twice.
  void PushTick() {
    if (!tick_waits_.exchange(true)) inbox_.PushCompletion(TickAll{});
  }

  size_t size() const { return inbox_.size(); }

  // Moves all that waits to `out`, which must be empty.
  void TakeAll(std::vector<PeerMessage>& out) {
    // A request that is counted and not pushed yet is counted until the next call: the bound is
    // kept, not exact.
    requests_.store(0, std::memory_order_relaxed);
    received_bytes_.store(0, std::memory_order_relaxed);
    tick_waits_.store(false);
    inbox_.TakeAll(out);
  }

 private:
  const size_t capacity_;
  const uint64_t max_received_bytes_;
  std::atomic<size_t> requests_{0};
  std::atomic<uint64_t> received_bytes_{0};
  std::atomic<bool> tick_waits_{false};
  env::Inbox<PeerMessage> inbox_;
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_WORKER_INBOX_H_
