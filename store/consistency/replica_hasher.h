// The stage that reads what a replica holds, as of one entry, and hashes it: slowly, so that nobody
// waits for its disk.
//
// Thread: its own. Reserve and Take are thread-safe. Place: RegionStateMachine -> operation/hash ->
// ReplicaHasher -> the checker of the leader's store (checker.h).
#ifndef FLOTILLA_STORE_CONSISTENCY_REPLICA_HASHER_H_
#define FLOTILLA_STORE_CONSISTENCY_REPLICA_HASHER_H_

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/engine/kv_engine.h"
#include "common/env/clock.h"
#include "common/env/inbox.h"
#include "common/env/stage.h"
#include "common/metrics/registry.h"
#include "store/operation/hash.h"
#include "store/region/message_context.h"
#include "store/snapshot/rate_limit.h"

namespace flotilla::store {

class ReplicaHasher final : public env::Stage, public HashSink {
 public:
  // Views that may be held at a time: each keeps what is overwritten meanwhile on disk.
  static constexpr int kMaxTasks = 4;
  // Tells the store that asked (task.command.reply_to). Called by the stage.
  using Answer = absl::AnyInvocable<void(const HashTask& task, const HashReport& report) const>;

  // All must outlive the hasher.
  ReplicaHasher(const engine::KvEngine* engine, const env::Clock* clock, metrics::Registry* metrics,
                uint64_t bytes_per_second, Answer answer);
  ~ReplicaHasher() override;

  void SetWaker(env::Waker* waker) { inbox_.SetWaker(waker); }

  bool Reserve() override;
  void Take(HashTask task) override { inbox_.PushCompletion(std::move(task)); }

  std::string_view name() const override { return "replica-hash"; }
  // Reads a piece of one region.
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override;

 private:
  struct Metrics;
  class Run;

  void TakeNew();
  void Finish(HashReport report);

  const engine::KvEngine* const engine_;
  const env::Clock* const clock_;
  const std::unique_ptr<Metrics> metrics_;
  const Answer answer_;
  env::Inbox<HashTask> inbox_;
  std::atomic<int> reserved_{0};

  RateLimit rate_;
  std::vector<HashTask> taken_;
  std::deque<HashTask> waiting_;
  std::unique_ptr<Run> run_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_CONSISTENCY_REPLICA_HASHER_H_
