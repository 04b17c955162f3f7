// A client of simulated stores: a stage that calls KvApi for one operation after the other and
// tells the history. It finds the leader as it likes, not always rightly.
#ifndef FLOTILLA_TESTS_STORE_STORE_CLIENT_H_
#define FLOTILLA_TESTS_STORE_STORE_CLIENT_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/env/random.h"
#include "common/env/stage.h"
#include "tests/store/kv_workload_history.h"
#include "tests/store/store_cluster.h"

namespace flotilla::store {

class StoreClient final : public env::Stage {
 public:
  // Keys begin with one of so many numbers, of two digits.
  static constexpr uint64_t kPrefixes = 50;

  // `number` tells the keys that it writes from those of others. Between two operations it waits
  // for up to `max_pause`. Both pointers must outlive the client.
  StoreClient(StoreCluster* cluster, KvWorkloadHistory* history, int number,
              env::Duration max_pause, env::Random random)
      : cluster_(cluster),
        history_(history),
        number_(number),
        max_pause_(max_pause),
        random_(random) {}

  void SetWaker(env::Waker* waker) { waker_ = waker; }
  // No new operation is begun.
  void Finish() { finishing_ = true; }

  // The counter of a prefix.
  static std::string CounterKey(uint64_t prefix);
  // A key that begins with the prefix sorts before none of its keys.
  static std::string PrefixKey(uint64_t prefix);

  std::string_view name() const override { return "client"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override { return next_; }

 private:
  static constexpr int kCountersEach = 2;

  void Begin();
  void Swap(const RegionViewPtr& view, const std::string& key);
  void WriteMark(const RegionViewPtr& view, const std::string& key);
  void ReadCounter(const RegionViewPtr& view, const std::string& key);
  void ReadMark(const RegionViewPtr& view, const std::string& key);
  std::string OwnCounter();
  std::string AnyCounter();
  // Whoever leads the key's region, or some store that has it.
  RegionViewPtr Pick(const std::string& key);
  template <typename Request, typename Response>
  void Call(const RegionView& view, Request request,
            void (KvApi::*method)(const Request&, Response*, rpc::Done),
            std::function<void(const absl::Status&, const Response&)> done);
  void Done();

  StoreCluster* const cluster_;
  KvWorkloadHistory* const history_;
  const int number_;
  const env::Duration max_pause_;
  env::Random random_;
  env::Waker* waker_ = nullptr;
  bool finishing_ = false;
  bool busy_ = false;
  uint64_t generation_ = 0;  // Of the operation: late answers of a given-up one only count for it.
  uint64_t marks_ = 0;
  std::optional<env::Instant> next_;
  env::Instant give_up_{};
};

}  // namespace flotilla::store

#endif  // FLOTILLA_TESTS_STORE_STORE_CLIENT_H_
