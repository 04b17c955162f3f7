#include "pd/meta/leadership.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/planted_bugs.h"
#include "pd/keyspace/keyspace_rules.h"

namespace flotilla::pd {
namespace {

// Events: a few an election.
constexpr size_t kInboxCapacity = 1024;
constexpr env::Duration kRetryInterval = std::chrono::milliseconds(200);
// Elections and lost heartbeats take less.
constexpr env::Duration kSilentLimit = std::chrono::seconds(3);
constexpr env::Duration kHandOnInterval = std::chrono::milliseconds(700);

template <typename T>
T MustRead(absl::StatusOr<T> value) {
  CHECK_OK(value.status());
  return *std::move(value);
}

}  // namespace

absl::Status NotLeaderStatus() { return absl::UnavailableError("not leader"); }

Leadership::Leadership(const env::Clock* clock, env::Random random,
                       const LeadershipOptions& options, MetaStore* store,
                       std::shared_ptr<const multiraft::LeaderLease> lease)
    : clock_(clock),
      random_(random),
      options_(options),
      store_(store),
      lease_(std::move(lease)),
      inbox_(kInboxCapacity) {}

Leadership::~Leadership() { OnStepDown(); }

void Leadership::OnLeaderReady(Term term) {
  {
    MutexLock lock(mutex_);
    ready_term_ = term;
  }
  inbox_.PushCompletion(Elected{term});
}

void Leadership::OnStepDown() {
  std::shared_ptr<LeaderState> withdrawn;
  {
    MutexLock lock(mutex_);
    if (ready_term_ == Term()) return;
    ready_term_ = Term();
    withdrawn.swap(published_);
  }
  if (withdrawn != nullptr) {
    LOG_INFO("leads no more since the end of term {}", withdrawn->term);
    withdrawn->tso->Close(NotLeaderStatus());
    withdrawn->ids->Close(NotLeaderStatus());
    withdrawn->coordinator->Close(NotLeaderStatus());
    withdrawn->streams.Close(NotLeaderStatus());
  }
  inbox_.PushCompletion(SteppedDown{});
}

std::shared_ptr<LeaderState> Leadership::Current() const {
  std::shared_ptr<LeaderState> state;
  {
    MutexLock lock(mutex_);
    state = published_;
  }
  if (state == nullptr || !StillLeads(*state)) return nullptr;
  return state;
}

bool Leadership::StillLeads(const LeaderState& state) const {
  if (Planted(Bug::kPdServesWithoutLease)) return true;
  return lease_->ValidAt(clock_->Now()) && lease_->term() == state.term;
}

bool Leadership::RunOnce() {
  taken_.clear();
  inbox_.TakeAll(taken_);
  for (const Event& event : taken_) {
    std::visit([this](const auto& one) { Handle(one); }, event);
  }
  if (!term_.has_value()) {
    next_run_.reset();
    return false;
  }
  const env::Instant now = clock_->Now();
  if (next_run_.has_value() && now < *next_run_) return false;
  if (state_ == nullptr) {
    next_run_ = now + kRetryInterval;
    Begin();
  } else {
    next_run_ = now + options_.schedule.tick_interval;
    // A leader without a lease may be deposed already: it must not order anything.
    if (StillLeads(*state_)) state_->coordinator->Tick();
    HandOnIfSilent(now);
  }
  return false;
}

void Leadership::HandOnIfSilent(env::Instant now) {
  if (StillLeads(*state_)) {
    hand_on_at_ = now + kSilentLimit;
  } else if (now >= hand_on_at_) {
    LOG_WARN("leads term {} without a lease: hands on", state_->term);
    hand_on_at_ = now + kHandOnInterval;
    hand_on_();
  }
}

void Leadership::Handle(const Elected& event) {
  term_ = event.term;
  hand_on_at_ = clock_->Now() + kSilentLimit;
  state_.reset();
  next_run_.reset();
}

void Leadership::Handle(const SteppedDown&) {
  term_.reset();
  state_.reset();
}

void Leadership::Handle(const ClusterInitialized& event) {
  if (term_ != event.term || state_ != nullptr) return;
  if (event.status.ok()) {
    next_run_.reset();
  } else {
    LOG_WARN("the cluster's id could not be chosen, trying again: {}", event.status.ToString());
  }
}

void Leadership::Begin() {
  const meta::v1::ClusterMeta cluster = MustRead(store_->reader().Cluster());
  if (cluster.cluster_id() != 0) {
    Lead(cluster);
    return;
  }
  meta::v1::Command command;
  uint64_t id = 0;
  while (id == 0) id = random_.Next();
  command.mutable_init_cluster()->set_cluster_id(id);
  store_->Propose(*term_, std::move(command),
                  [this, term = *term_](absl::StatusOr<meta::v1::Result> result) {
                    inbox_.PushCompletion(ClusterInitialized{term, result.status()});
                  });
}

void Leadership::Lead(const meta::v1::ClusterMeta& cluster) {
  auto state = std::make_shared<LeaderState>(*term_, clock_, options_.schedule);
  state->cluster_id = ClusterId(cluster.cluster_id());
  state->bootstrapped = cluster.bootstrapped();
  const MetaReader reader = store_->reader();
  for (const metapb::Store& store : MustRead(reader.Stores())) state->cluster.PutStore(store);
  for (metapb::Region& region : MustRead(reader.Regions())) {
    state->cluster.LoadRegion(RegionFromMeta(std::move(region)));
  }
  AddCallbacks(state, cluster);
  // The default keyspace is not cut out: it shares the first regions with whatever has no keyspace.
  for (const keyspacepb::KeyspaceMeta& keyspace : MustRead(reader.Keyspaces(1, 0))) {
    state->coordinator->AddBoundaries(KeyspaceBoundaries(KeyspaceId(keyspace.id())));
  }
  {
    MutexLock lock(mutex_);
    if (ready_term_ != state->term) return;
    published_ = state;
  }
  state_ = state;
  LOG_INFO("leads cluster {} in term {}: {} stores, {} regions", state->cluster_id, state->term,
           state->cluster.Stores().size(), state->cluster.region_count());
}

void Leadership::AddCallbacks(const std::shared_ptr<LeaderState>& state,
                              const meta::v1::ClusterMeta& cluster) {
  // The parts live in the state, so their callbacks must not keep it alive; what they start does,
  // until it ends.
  const std::weak_ptr<LeaderState> weak = state;
  state->tso = std::make_unique<TsoOracle>(
      clock_, cluster.tso_limit_ms(),
      [store = store_, weak](int64_t limit_ms, absl::AnyInvocable<void(absl::Status) &&> done) {
        std::shared_ptr<LeaderState> held = weak.lock();
        CHECK(held != nullptr) << "a timestamp was asked of a leadership that is gone";
        meta::v1::Command command;
        command.mutable_save_tso_limit()->set_limit_ms(limit_ms);
        store->Propose(
            held->term, std::move(command),
            [held, done = std::move(done)](absl::StatusOr<meta::v1::Result> result) mutable {
              std::move(done)(result.status());
            });
      },
      options_.tso_window_ms);
  state->ids = std::make_unique<IdAllocator>(
      [store = store_, weak](uint64_t count, IdAllocator::Callback done) {
        std::shared_ptr<LeaderState> held = weak.lock();
        CHECK(held != nullptr) << "an id was asked of a leadership that is gone";
        meta::v1::Command command;
        command.mutable_reserve_ids()->set_count(count);
        store->Propose(
            held->term, std::move(command),
            [held, done = std::move(done)](absl::StatusOr<meta::v1::Result> result) mutable {
              if (result.ok()) {
                std::move(done)(result->first_id());
              } else {
                std::move(done)(result.status());
              }
            });
      },
      options_.id_reservation);
  state->coordinator = std::make_unique<Coordinator>(
      options_.schedule, Coordinator::Parts{&state->cluster, &state->operators, &state->streams},
      random_.Fork("coordinator"),
      [weak](uint32_t count, absl::AnyInvocable<void(absl::StatusOr<uint64_t>) &&> done) {
        const std::shared_ptr<LeaderState> held = weak.lock();
        CHECK(held != nullptr) << "the coordinator outlived its leadership";
        held->ids->Allocate(count, std::move(done));
      },
      [store = store_, weak](StoreId id) {
        const std::shared_ptr<LeaderState> held = weak.lock();
        CHECK(held != nullptr) << "the coordinator outlived its leadership";
        meta::v1::Command command;
        command.mutable_bury_store()->set_store_id(id.value());
        store->Propose(held->term, std::move(command),
                       [store, held, id](const absl::StatusOr<meta::v1::Result>& result) {
                         if (!result.ok()) return;
                         const auto stored = store->reader().Store(id.value());
                         if (stored.ok() && stored->has_value()) held->cluster.PutStore(**stored);
                         LOG_INFO("store {}, which was lost, has no replica left: forgotten", id);
                       });
      });
}

}  // namespace flotilla::pd
