// A client of a test cluster: a stage that does one operation after the other at random, by all the
// ways there are, and tells the history.
//
// It lives in a process of its own, and calls the stores directly, as their RPC threads would.
#ifndef FLOTILLA_TESTS_SUPPORT_KV_CLIENT_H_
#define FLOTILLA_TESTS_SUPPORT_KV_CLIENT_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/env/random.h"
#include "common/env/stage.h"
#include "tests/support/sim_cluster.h"

namespace flotilla::testing {

class KvClient final : public env::Stage {
 public:
  // `number` makes its values unique. Keys are few, so that clients meet. Between two operations it
  // waits for up to `max_pause`.
  KvClient(SimCluster* cluster, int number, env::Duration max_pause, env::Random random)
      : cluster_(cluster), number_(number), max_pause_(max_pause), random_(random) {}

  void SetWaker(env::Waker* waker) { waker_ = waker; }
  // No new operation is begun.
  void Finish() { finishing_ = true; }

  std::string_view name() const override { return "client"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override { return next_; }

 private:
  static constexpr int kKeys = 4;

  void Begin();
  void Write(int store, int region, const std::string& key);
  // By the host: lease, or ReadIndex.
  void ReadByHost(int store, int region, const std::string& key);
  // As a local reader does: looks at the lease now and reads the engine in a later step.
  void ReadByLease(int store, int region, const std::string& key);
  void Done();

  SimCluster* const cluster_;
  const int number_;
  const env::Duration max_pause_;
  env::Random random_;
  env::Waker* waker_ = nullptr;
  bool finishing_ = false;
  bool busy_ = false;
  uint64_t generation_ = 0;  // Of the operation: late answers of a given-up one only count for it.
  uint64_t values_ = 0;
  std::optional<env::Instant> next_;
  env::Instant give_up_{};
  // A lease read between its two steps.
  struct LeaseRead {
    int store;
    int region;
    uint64_t incarnation;
    KvHistory::Operation operation;
  };
  std::optional<LeaseRead> lease_read_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_KV_CLIENT_H_
