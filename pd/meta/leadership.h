// Follows whether this member leads, and keeps what runs only on the leader.
//
// The story of one leadership:
//   1. Raft elects this member; once everything committed before is applied, OnLeaderReady(term).
//   2. The stage makes sure that the cluster has an id: the first leader ever proposes one.
//   3. It builds the LeaderState from the stored metadata and publishes it: requests are answered.
//   4. While it leads, the stage runs the coordinator's ticks.
//   5. A leader that has no lease for long, though Raft lets it lead, will have none in this term:
//   a
//      transfer was begun and failed (multiraft/lease_keeper.h). It answers nobody, so it hands on
//      again, until it succeeds.
//   6. Raft says that the role changed: OnStepDown withdraws the state at once and answers whatever
//      still waits in it with "not leader".
// Between 3 and 6 a request is answered only while the lease holds, so that a leader that was cut
// off, or stood still, is silent before the next one can speak.
//
// Threads: a stage of its own; OnLeaderReady, OnStepDown and OnLeaderChange come from the raft
// worker; Current from anywhere.
#ifndef FLOTILLA_PD_META_LEADERSHIP_H_
#define FLOTILLA_PD_META_LEADERSHIP_H_

#include <atomic>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/base/mutex.h"
#include "common/env/inbox.h"
#include "common/env/random.h"
#include "common/env/stage.h"
#include "common/multiraft/lease.h"
#include "pd/meta/leader_state.h"
#include "pd/meta/meta_store.h"

namespace flotilla::pd {

// What a member that does not lead answers: clients look for these words.
absl::Status NotLeaderStatus();

struct LeadershipOptions {
  ScheduleConfig schedule;
  int64_t tso_window_ms = kTsoWindowMs;
  uint64_t id_reservation = kIdReservation;
};

class Leadership final : public env::Stage {
 public:
  // `clock`, `store` and the lease's writer must outlive it.
  Leadership(const env::Clock* clock, env::Random random, const LeadershipOptions& options,
             MetaStore* store, std::shared_ptr<const multiraft::LeaderLease> lease);
  ~Leadership() override;

  void SetWaker(env::Waker* waker) { inbox_.SetWaker(waker); }
  // Asks another member to lead; returns at once. Before anything else.
  void SetHandOn(absl::AnyInvocable<void()> hand_on) { hand_on_ = std::move(hand_on); }

  // --- From the raft worker ---------------------------------------------------------------------
  void OnLeaderReady(Term term);
  // Idempotent.
  void OnStepDown();
  void OnLeaderChange(PeerId leader) { leader_.store(leader.value()); }

  // --- From anywhere ----------------------------------------------------------------------------
  // Null: this member does not lead, or its lease has run out.
  std::shared_ptr<LeaderState> Current() const;
  // Does `state` still lead? To be asked again before an answer leaves.
  bool StillLeads(const LeaderState& state) const;
  // 0: not known.
  PeerId leader() const { return PeerId(leader_.load()); }

  // --- Stage ------------------------------------------------------------------------------------
  std::string_view name() const override { return "pd-leader"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override { return next_run_; }

 private:
  struct Elected {
    Term term;
  };
  struct SteppedDown {};
  struct ClusterInitialized {
    Term term;
    absl::Status status;
  };
  using Event = std::variant<Elected, SteppedDown, ClusterInitialized>;

  void HandOnIfSilent(env::Instant now);
  void Handle(const Elected& event);
  void Handle(const SteppedDown& event);
  void Handle(const ClusterInitialized& event);
  // Proposes a cluster id if there is none, else starts to lead.
  void Begin();
  void Lead(const meta::v1::ClusterMeta& cluster);
  void AddCallbacks(const std::shared_ptr<LeaderState>& state,
                    const meta::v1::ClusterMeta& cluster);

  const env::Clock* const clock_;
  env::Random random_;
  const LeadershipOptions options_;
  MetaStore* const store_;
  const std::shared_ptr<const multiraft::LeaderLease> lease_;
  env::Inbox<Event> inbox_;
  std::atomic<uint64_t> leader_{0};

  // The stage's own.
  std::vector<Event> taken_;
  std::optional<Term> term_;  // Elected, and not deposed yet.
  std::shared_ptr<LeaderState> state_;
  std::optional<env::Instant> next_run_;
  env::Instant hand_on_at_;  // Unless there is a lease by then.
  absl::AnyInvocable<void()> hand_on_;

  mutable Mutex mutex_;
  // The term that Raft says this member leads and is ready for; 0: none. A state of another term is
  // never published, however late its making ends.
  Term ready_term_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<LeaderState> published_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_META_LEADERSHIP_H_
