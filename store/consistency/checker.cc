#include "store/consistency/checker.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/errors/region_error.h"

namespace flotilla::store {
namespace {

constexpr env::Duration kLookInterval = std::chrono::seconds(1);
constexpr env::Duration kProposalTimeout = std::chrono::seconds(10);
constexpr uint64_t kBusyBackoffMs = 1000;
// Requests and reports of other stores.
constexpr size_t kMaxWaiting = 1024;

bool IsLedHere(const RegionView& view) { return view.peer->leader.load() == view.self.id(); }

}  // namespace

struct ConsistencyChecker::Metrics {
  explicit Metrics(metrics::Registry* registry)
      : equal(Counter(registry, "equal")),
        differs(Counter(registry, "differs")),
        incomplete(Counter(registry, "incomplete")),
        failed(Counter(registry, "failed")),
        differing(registry->AddGauge("flotilla_consistency_differing_regions",
                                     "Regions whose replicas differed when this store last "
                                     "compared them")),
        last(registry->AddGauge("flotilla_consistency_last_check_timestamp_seconds",
                                "When this store last compared the replicas of a region")) {}
  static metrics::Counter& Counter(metrics::Registry* registry, const std::string& result) {
    return registry->AddCounter("flotilla_consistency_checks_total",
                                "Regions whose replicas were compared, by outcome",
                                {{"result", result}});
  }
  metrics::Counter& equal;
  metrics::Counter& differs;
  metrics::Counter& incomplete;
  metrics::Counter& failed;
  metrics::Gauge& differing;
  metrics::Gauge& last;
  std::set<uint64_t> differing_regions;
};

struct ConsistencyChecker::Round {
  RegionId region_id;
  env::Instant deadline;
  CheckCallback done;
  // What the first round saw, if this one is to make sure.
  std::optional<Comparison> suspicion;
  // Set while the second round waits for its time.
  std::optional<env::Instant> confirm_at;

  std::optional<Index> at;
  std::optional<metapb::Region> region;
  std::map<PeerId, HashReport> reports;
};

ConsistencyChecker::ConsistencyChecker(const ConsistencyOptions& options, const Parts& parts,
                                       env::Random random, Publish publish)
    : options_(options),
      on_(parts),
      random_(random),
      publish_(std::move(publish)),
      metrics_(std::make_unique<Metrics>(parts.metrics)),
      inbox_(kMaxWaiting) {}

ConsistencyChecker::~ConsistencyChecker() = default;

void ConsistencyChecker::Check(RegionId region_id, env::Instant deadline, CheckCallback done) {
  Request request{region_id, deadline, std::move(done)};
  Event event = std::move(request);
  if (inbox_.TryPush(std::move(event))) return;
  std::move(std::get<Request>(event).done)(
      errors::ServerIsBusy("too many regions are being checked", kBusyBackoffMs));
}

void ConsistencyChecker::Stop() {
  inbox_.TakeAll(taken_);
  std::vector<CheckCallback> waiting;
  for (Event& event : taken_) {
    if (auto* request = std::get_if<Request>(&event)) waiting.push_back(std::move(request->done));
  }
  taken_.clear();
  for (auto& [check_id, round] : rounds_) waiting.push_back(std::move(round->done));
  rounds_.clear();
  for (CheckCallback& done : waiting) {
    std::move(done)(absl::UnavailableError("the store stops"));
  }
}

void ConsistencyChecker::OnReport(PeerId from, const HashReport& report) {
  // Other stores must not fill the inbox; what is lost counts as not compared.
  (void)inbox_.TryPush(Reported{from, report, std::nullopt});
}

void ConsistencyChecker::OnOwnReport(const HashTask& task, const HashReport& report) {
  inbox_.PushCompletion(Reported{task.self.peer_id, report, task.region.meta()});
}

bool ConsistencyChecker::RunOnce() {
  inbox_.TakeAll(taken_);
  for (Event& event : taken_) std::visit([this](auto& one) { Handle(one); }, event);
  taken_.clear();
  const env::Instant now = on_.clock->Now();
  if (now >= next_run_) {
    next_run_ = now + kLookInterval;
    LookAtRounds(now);
    BeginOwnIfDue(now);
    for (const Comparison& comparison : std::exchange(untold_, {})) Tell(comparison);
  }
  return false;
}

void ConsistencyChecker::Handle(Request& event) {
  if (rounds_.size() >= kMaxRounds) {
    std::move(event.done)(
        errors::ServerIsBusy("too many regions are being checked", kBusyBackoffMs));
    return;
  }
  auto round = std::make_unique<Round>();
  round->region_id = event.region_id;
  round->deadline = std::min(event.deadline, on_.clock->Now() + options_.timeout);
  round->done = std::move(event.done);
  Begin(std::move(round));
}

void ConsistencyChecker::Begin(std::unique_ptr<Round> round) {
  const RegionViewPtr view = on_.index->Find(round->region_id);
  if (view == nullptr) {
    const absl::Status missing = errors::RegionNotFound(round->region_id);
    Finish(std::move(round), missing);
    return;
  }
  const uint64_t check_id = random_.Next();
  multiraft::Proposal proposal;
  proposal.command = EncodeComputeHash(view->region.version(), {check_id, on_.store_id});
  proposal.own_entry = true;
  proposal.epoch_version = view->region.version();
  proposal.deadline = std::min(round->deadline, on_.clock->Now() + kProposalTimeout);
  proposal.callback = [this, check_id](absl::StatusOr<multiraft::Applied> applied) {
    absl::StatusOr<Index> at =
        applied.ok() ? absl::StatusOr<Index>(applied->at.index) : applied.status();
    inbox_.PushCompletion(Proposed{check_id, std::move(at)});
  };
  const RegionId region_id = round->region_id;
  rounds_[check_id] = std::move(round);
  on_.replicator->Propose(region_id, std::move(proposal));
}

void ConsistencyChecker::Handle(Proposed& event) {
  const auto it = rounds_.find(event.check_id);
  if (it == rounds_.end()) return;
  if (!event.at.ok()) return Conclude(it, event.at.status());
  it->second->at = *event.at;
  MaybeConclude(it);
}

void ConsistencyChecker::Handle(Reported& event) {
  const auto it = rounds_.find(event.report.check_id);
  if (it == rounds_.end()) return;
  it->second->reports[event.from] = event.report;
  if (event.region.has_value()) it->second->region = std::move(event.region);
  MaybeConclude(it);
}

void ConsistencyChecker::MaybeConclude(Rounds::iterator it) {
  const Round& round = *it->second;
  if (!round.at.has_value() || !round.region.has_value()) return;
  for (const metapb::Peer& peer : round.region->peers()) {
    if (!round.reports.contains(PeerId(peer.id()))) return;
  }
  Conclude(it, Compare(*round.region, *round.at, round.reports));
}

void ConsistencyChecker::Conclude(Rounds::iterator it, absl::StatusOr<Comparison> outcome) {
  std::unique_ptr<Round> round = std::move(it->second);
  rounds_.erase(it);
  const bool differs = outcome.ok() && outcome->agreement == Agreement::kDiffers;
  if (!round->suspicion.has_value() && differs) {
    LOG_WARN("{}; it is looked at again", Describe(*outcome));
    round->suspicion = *std::move(outcome);
    round->confirm_at = on_.clock->Now() + options_.confirm_after;
    round->at.reset();
    round->region.reset();
    round->reports.clear();
    next_run_ = std::min(next_run_, *round->confirm_at);
    rounds_[random_.Next()] = std::move(round);
    return;
  }
  // What was seen once stands unless all replicas are found to hold the same.
  const bool is_gone = outcome.ok() && outcome->agreement == Agreement::kEqual;
  if (round->suspicion.has_value() && !differs && !is_gone) outcome = *round->suspicion;
  Finish(std::move(round), std::move(outcome));
}

void ConsistencyChecker::Finish(std::unique_ptr<Round> round, absl::StatusOr<Comparison> outcome) {
  if (outcome.ok()) {
    Note(*outcome);
    Tell(*outcome);
  } else {
    metrics_->failed.Increment();
    LOG_INFO("region {} was not checked: {}", round->region_id, outcome.status().ToString());
  }
  std::move(round->done)(std::move(outcome));
}

void ConsistencyChecker::Note(const Comparison& comparison) {
  metrics_->last.Set(static_cast<double>(on_.clock->WallMillis()) / 1000);
  switch (comparison.agreement) {
    case Agreement::kEqual:
      metrics_->equal.Increment();
      metrics_->differing_regions.erase(comparison.region.id());
      LOG_DEBUG("{}", Describe(comparison));
      break;
    case Agreement::kIncomplete:
      metrics_->incomplete.Increment();
      LOG_WARN("{}", Describe(comparison));
      break;
    case Agreement::kDiffers:
      metrics_->differs.Increment();
      metrics_->differing_regions.insert(comparison.region.id());
      LOG_ERROR("{}. Make it anew with `flotilla region repair`", Describe(comparison));
      break;
  }
  metrics_->differing.Set(static_cast<double>(metrics_->differing_regions.size()));
}

void ConsistencyChecker::Tell(const Comparison& comparison) {
  publish_(comparison, [this, comparison](absl::Status status) {
    inbox_.PushCompletion(PublishEnded{comparison, std::move(status)});
  });
}

void ConsistencyChecker::Handle(PublishEnded& event) {
  if (event.status.ok()) return;
  LOG_DEBUG("PD did not hear of a check: {}", event.status.ToString());
  // A later outcome of the region is told instead.
  std::erase_if(untold_, [&](const Comparison& other) {
    return other.region.id() == event.comparison.region.id() && other.at < event.comparison.at;
  });
  untold_.push_back(std::move(event.comparison));
}

void ConsistencyChecker::LookAtRounds(env::Instant now) {
  std::vector<uint64_t> overdue;
  std::vector<uint64_t> to_confirm;
  for (const auto& [check_id, round] : rounds_) {
    if (now >= round->deadline) {
      overdue.push_back(check_id);
    } else if (round->confirm_at.has_value() && now >= *round->confirm_at) {
      to_confirm.push_back(check_id);
    } else if (round->confirm_at.has_value()) {
      next_run_ = std::min(next_run_, *round->confirm_at);
    }
  }
  for (const uint64_t check_id : overdue) {
    const auto it = rounds_.find(check_id);
    const Round& round = *it->second;
    if (round.at.has_value() && round.region.has_value()) {
      Conclude(it, Compare(*round.region, *round.at, round.reports));
    } else {
      Conclude(it, absl::DeadlineExceededError(absl::StrCat("the replicas of region ",
                                                            round.region_id.value(),
                                                            " were not compared in time")));
    }
  }
  for (const uint64_t check_id : to_confirm) {
    std::unique_ptr<Round> round = std::move(rounds_.find(check_id)->second);
    rounds_.erase(check_id);
    round->confirm_at.reset();
    round->deadline = std::max(round->deadline, now + options_.timeout / 2);
    Begin(std::move(round));
  }
}

void ConsistencyChecker::BeginOwnIfDue(env::Instant now) {
  if (options_.interval == env::Duration::zero() || own_runs_) return;
  const std::optional<RegionId> region_id = NextDue(now);
  if (!region_id.has_value() || rounds_.size() >= kMaxRounds) return;
  due_[*region_id] = now + options_.interval;
  own_runs_ = true;
  auto round = std::make_unique<Round>();
  round->region_id = *region_id;
  round->deadline = now + options_.timeout;
  round->done = [this](const absl::StatusOr<Comparison>&) { own_runs_ = false; };
  Begin(std::move(round));
}

std::optional<RegionId> ConsistencyChecker::NextDue(env::Instant now) {
  std::map<RegionId, env::Instant> due;
  std::optional<RegionId> next;
  for (const RegionViewPtr& view : on_.index->All()) {
    if (!IsLedHere(*view)) continue;
    const RegionId id = view->region.id();
    const auto known = due_.find(id);
    // Regions that it comes to lead are spread over the interval.
    const env::Instant when = known != due_.end()
                                  ? known->second
                                  : now + std::chrono::duration_cast<env::Duration>(
                                              options_.interval * random_.Fraction());
    due[id] = when;
    if (when <= now && (!next.has_value() || when < due[*next])) next = id;
  }
  due_ = std::move(due);
  return next;
}

}  // namespace flotilla::store
