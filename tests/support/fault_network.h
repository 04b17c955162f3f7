// A network between stores that loses, delays, doubles, reorders and repeats old messages, by a
// seed, and that can be cut in either direction between any two.
//
// It is a stage: messages on the way are delivered when it runs. Thread-safe, so that it serves
// simulations and tests with threads alike.
#ifndef FLOTILLA_TESTS_SUPPORT_FAULT_NETWORK_H_
#define FLOTILLA_TESTS_SUPPORT_FAULT_NETWORK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/env/random.h"
#include "common/env/stage.h"
#include "common/net/transport.h"

namespace flotilla::testing {

struct NetworkFaults {
  double drop = 0;
  double duplicate = 0;
  // Chance, for each message sent, that an older one is delivered once more.
  double replay = 0;
  // Uniform; unequal delays reorder.
  env::Duration min_delay = std::chrono::microseconds(50);
  env::Duration max_delay = std::chrono::microseconds(50);
  // Of each link; what would wait for it for longer than kLongestQueue is lost. 0: any number.
  uint64_t bytes_per_second = 0;
};

class FaultNetwork final : public env::Stage {
 public:
  FaultNetwork(const env::Clock* clock, env::Random random);
  ~FaultNetwork() override;

  void SetWaker(env::Waker* waker) { waker_ = waker; }
  void SetFaults(const NetworkFaults& faults);

  // How `store` sends. Lives as long as the network.
  net::Transport* TransportOf(StoreId store);
  // Where `store` receives; null: it is down, and what comes is lost.
  void SetHandler(StoreId store, net::MessageHandler handler);
  // With threads: returns when a delivery that was under way is over, after which handlers that
  // were taken away are not called any more.
  void WaitUntilIdle();

  // Messages from one to the other are lost from now on, those on the way included.
  void Cut(StoreId from, StoreId to);
  // In both directions, from and to all others.
  void Isolate(StoreId store);
  void Heal();
  // The one hears the other again.
  void Heal(StoreId from, StoreId to);
  // Can the one reach the other?
  bool Connects(StoreId from, StoreId to) const;

  // Messages for which it says no are lost; null: none. It may look at all that are sent.
  void SetFilter(std::function<bool(const net::Envelope&)> passes);

  // Hears of every message that a process sends. Before the first message.
  void SetTap(std::function<void(const net::Envelope&)> tap) { tap_ = std::move(tap); }
  // Nothing leaves the store any more: it is dying.
  void Mute(StoreId store, bool mute);

  std::string_view name() const override { return "network"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override;

 private:
  class Port;
  // Old messages to choose from.
  static constexpr size_t kRemembered = 512;
  static constexpr env::Duration kLongestQueue = std::chrono::seconds(1);

  void Send(net::Envelope envelope);
  void Post(const net::Envelope& envelope) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Remember(const net::Envelope& envelope) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsCut(StoreId from, StoreId to) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const env::Clock* const clock_;
  env::Waker* waker_ = nullptr;
  std::function<void(const net::Envelope&)> tap_;
  Mutex delivering_;  // Held while handlers are called; taken before mutex_.
  mutable Mutex mutex_;
  env::Random random_ ABSL_GUARDED_BY(mutex_);
  NetworkFaults faults_ ABSL_GUARDED_BY(mutex_);
  std::function<bool(const net::Envelope&)> passes_ ABSL_GUARDED_BY(mutex_);
  std::map<StoreId, std::unique_ptr<Port>> ports_ ABSL_GUARDED_BY(mutex_);
  std::map<StoreId, std::shared_ptr<net::MessageHandler>> handlers_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<StoreId, StoreId>> cut_ ABSL_GUARDED_BY(mutex_);
  std::set<StoreId> isolated_ ABSL_GUARDED_BY(mutex_);
  std::set<StoreId> muted_ ABSL_GUARDED_BY(mutex_);
  // When a narrow link has carried what was sent on it.
  std::map<std::pair<StoreId, StoreId>, env::Instant> busy_until_ ABSL_GUARDED_BY(mutex_);
  std::vector<net::Envelope> remembered_ ABSL_GUARDED_BY(mutex_);
  std::vector<net::Envelope> sampled_ ABSL_GUARDED_BY(mutex_);
  uint64_t sent_ ABSL_GUARDED_BY(mutex_) = 0;
  // By time of delivery, and order of sending among equals.
  std::multimap<env::Instant, net::Envelope> on_the_way_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_FAULT_NETWORK_H_
