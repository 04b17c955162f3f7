// Compares the replicas of the regions that this store leads: each region once in a while, and on
// request. docs/durability.md has what for.
//
// One round: propose kComputeHash (operation/hash.h has the whole story), wait for every replica's
// report or the end of the time, compare. A difference is believed when a second round finds one
// too: a range that is being destroyed past the log on one store after the other is no damage.
//
// Thread: a stage of its own; what is public is thread-safe.
#ifndef FLOTILLA_STORE_CONSISTENCY_CHECKER_H_
#define FLOTILLA_STORE_CONSISTENCY_CHECKER_H_

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/env/clock.h"
#include "common/env/inbox.h"
#include "common/env/random.h"
#include "common/env/stage.h"
#include "common/metrics/registry.h"
#include "store/consistency/verdict.h"
#include "store/kv/replicator.h"
#include "store/operation/hash.h"
#include "store/region/region_index.h"

namespace flotilla::store {

struct ConsistencyOptions {
  // Each region that is led here is checked about so often; 0: never.
  env::Duration interval = std::chrono::hours(24);
  // What is read for it in a second, on each store.
  uint64_t bytes_per_second = 32 << 20;
  // The replicas' time to answer.
  env::Duration timeout = std::chrono::minutes(5);
  // Between the round that saw a difference and the one that makes sure.
  env::Duration confirm_after = std::chrono::seconds(5);
};

// The outcome. Errors: the region is not led here, and whatever a proposal is refused with;
// DeadlineExceeded: not even this replica knows in time; ServerIsBusy: too many rounds.
using CheckCallback = absl::AnyInvocable<void(absl::StatusOr<Comparison>) &&>;

class ConsistencyChecker final : public env::Stage {
 public:
  // Rounds under way at a time; one of them is the store's own.
  static constexpr size_t kMaxRounds = 16;

  using Published = absl::AnyInvocable<void(absl::Status) &&>;
  // Tells PD of an outcome; repeated until it succeeds.
  using Publish = absl::AnyInvocable<void(const Comparison&, Published) const>;
  // All must outlive the checker.
  struct Parts {
    StoreId store_id;
    const RegionIndex* index = nullptr;
    Replicator* replicator = nullptr;
    const env::Clock* clock = nullptr;
    metrics::Registry* metrics = nullptr;
  };
  ConsistencyChecker(const ConsistencyOptions& options, const Parts& parts, env::Random random,
                     Publish publish);
  ~ConsistencyChecker() override;

  void SetWaker(env::Waker* waker) { inbox_.SetWaker(waker); }

  // Checks a region now. `done` is called by the stage, or at once when it is refused.
  void Check(RegionId region_id, env::Instant deadline, CheckCallback done);
  // Whoever waits hears that the store stops. REQUIRES: no stage runs any more.
  void Stop();
  // What a replica holds: on another store, or here.
  void OnReport(PeerId from, const HashReport& report);
  void OnOwnReport(const HashTask& task, const HashReport& report);

  std::string_view name() const override { return "consistency"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override { return next_run_; }

 private:
  struct Metrics;
  struct Round;
  struct Request {
    RegionId region_id;
    env::Instant deadline;
    CheckCallback done;
  };
  struct Proposed {
    uint64_t check_id;
    absl::StatusOr<Index> at;
  };
  struct Reported {
    PeerId from;
    HashReport report;
    std::optional<metapb::Region> region;  // Set by this store's own replica.
  };
  struct PublishEnded {
    Comparison comparison;
    absl::Status status;
  };
  using Event = std::variant<Request, Proposed, Reported, PublishEnded>;
  using Rounds = std::map<uint64_t, std::unique_ptr<Round>>;

  void Handle(Request& event);
  void Handle(Proposed& event);
  void Handle(Reported& event);
  void Handle(PublishEnded& event);

  void Begin(std::unique_ptr<Round> round);
  // Compares if nothing is missing any more.
  void MaybeConclude(Rounds::iterator it);
  void Conclude(Rounds::iterator it, absl::StatusOr<Comparison> outcome);
  void Finish(std::unique_ptr<Round> round, absl::StatusOr<Comparison> outcome);
  void Note(const Comparison& comparison);
  void Tell(const Comparison& comparison);
  // Rounds whose time is over, and those that wait to be confirmed.
  void LookAtRounds(env::Instant now);
  void BeginOwnIfDue(env::Instant now);
  std::optional<RegionId> NextDue(env::Instant now);

  const ConsistencyOptions options_;
  const Parts on_;
  env::Random random_;
  const Publish publish_;
  const std::unique_ptr<Metrics> metrics_;
  env::Inbox<Event> inbox_;

  std::vector<Event> taken_;
  Rounds rounds_;
  // By region: when its next check of this store's own is due.
  std::map<RegionId, env::Instant> due_;
  bool own_runs_ = false;
  std::vector<Comparison> untold_;
  env::Instant next_run_{};
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_CONSISTENCY_CHECKER_H_
