// A network between stores that loses, delays, doubles and reorders, by a seed, and that can be cut
// in either direction between any two.
//
// It is a stage: messages on the way are delivered when it runs. Thread-safe, so that it serves
// simulations and tests with threads alike.
#ifndef FLOTILLA_TESTS_SUPPORT_FAULT_NETWORK_H_
#define FLOTILLA_TESTS_SUPPORT_FAULT_NETWORK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/env/random.h"
#include "common/env/stage.h"
#include "common/net/transport.h"

namespace flotilla::testing {

struct NetworkFaults {
  double drop = 0;
  double duplicate = 0;
  // Uniform; unequal delays reorder.
  env::Duration min_delay = std::chrono::microseconds(50);
  env::Duration max_delay = std::chrono::microseconds(50);
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

  std::string_view name() const override { return "network"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override;

 private:
  class Port;
  void Send(net::Envelope envelope);

  const env::Clock* const clock_;
  env::Waker* waker_ = nullptr;
  Mutex delivering_;  // Held while handlers are called; taken before mutex_.
  mutable Mutex mutex_;
  env::Random random_ ABSL_GUARDED_BY(mutex_);
  NetworkFaults faults_ ABSL_GUARDED_BY(mutex_);
  std::map<StoreId, std::unique_ptr<Port>> ports_ ABSL_GUARDED_BY(mutex_);
  std::map<StoreId, std::shared_ptr<net::MessageHandler>> handlers_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<StoreId, StoreId>> cut_ ABSL_GUARDED_BY(mutex_);
  std::set<StoreId> isolated_ ABSL_GUARDED_BY(mutex_);
  // By time of delivery, and order of sending among equals.
  std::multimap<env::Instant, net::Envelope> on_the_way_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_FAULT_NETWORK_H_
