#include "common/multiraft/host.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/multiraft/apply_worker.h"
#include "common/multiraft/host_metrics.h"
#include "common/multiraft/log_flusher.h"
#include "common/multiraft/raft_worker.h"
#include "common/multiraft/router.h"
#include "common/multiraft/ticker.h"
#include "common/raftlog/log_usage.h"
#include "common/raftlog/log_writer.h"

namespace flotilla::multiraft {
namespace {

// What a message takes in memory, about: only entries make one large.
uint64_t BytesOf(const net::Envelope& envelope) {
  uint64_t bytes = sizeof(net::Envelope);
  if (const auto* append = std::get_if<raft::AppendRequest>(&envelope.message.body)) {
    for (const raft::Entry& entry : append->entries) {
      bytes += sizeof(raft::Entry) + entry.data.size();
    }
  }
  return bytes;
}

}  // namespace

// The stages and what they share, in an order in which each is destroyed before what it points to.
class Host::Impl {
 public:
  Impl(const HostConfig& config, HostDependencies dependencies)
      : config_(config),
        clock_(dependencies.clock),
        tenant_(dependencies.tenant),
        log_engine_(dependencies.log_engine),
        kv_engine_(dependencies.kv_engine),
        metrics_(*dependencies.metrics),
        router_(config.raft_workers, config.inbox_capacity, config.max_received_bytes),
        flusher_(dependencies.kv_engine, config.truncate_interval, &metrics_),
        log_writer_(dependencies.log_engine, dependencies.clock, dependencies.fail_stop,
                    dependencies.metrics),
        ticker_(config.tick_interval, dependencies.clock, &router_) {
    env::Scheduler* scheduler = dependencies.scheduler;
    log_writer_.SetWaker(scheduler->Add(&log_writer_));
    WorkerSinks sinks{.transport = dependencies.transport,
                      .log_writer = &log_writer_,
                      .apply_workers = {},
                      .tenant = tenant_};
    for (int i = 0; i < config.apply_workers; ++i) {
      apply_workers_.push_back(
          std::make_unique<ApplyWorker>(i, dependencies.kv_engine, &router_, clock_, &metrics_));
      apply_workers_.back()->SetWaker(scheduler->Add(apply_workers_.back().get()));
      sinks.apply_workers.push_back(apply_workers_.back().get());
    }
    for (int i = 0; i < config.raft_workers; ++i) {
      PeerEnvironment environment;
      environment.config = &config_;
      environment.clock = dependencies.clock;
      environment.log_engine = dependencies.log_engine;
      environment.flusher = &flusher_;
      environment.log_usage = &log_usage_;
      environment.metrics = &metrics_;
      environment.random = env::Random(dependencies.random.Next());
      raft_workers_.push_back(
          std::make_unique<RaftWorker>(i, &router_.worker(i), sinks, std::move(environment)));
      router_.worker(i).SetWaker(scheduler->Add(raft_workers_.back().get()));
    }
    scheduler->Add(&ticker_);
    log_engine_->SetFlushPreparation(
        [this](absl::AnyInvocable<void() &&> done) { PrepareLogFlush(std::move(done)); });
  }
  ~Impl() { log_engine_->SetFlushPreparation(nullptr); }

  WorkerInbox& WorkerOf(RegionId region_id) { return router_.WorkerOf(region_id); }
  const Router& router() const { return router_; }
  const Tenant& tenant() const { return *tenant_; }
  HostMetrics& metrics() { return metrics_; }
  raftlog::LogWriter& log_writer() { return log_writer_; }
  const env::Clock& clock() const { return *clock_; }
  QueueLengths Queues() const {
    QueueLengths queues{.log_bytes = log_writer_.queued_bytes()};
    for (int i = 0; i < router_.workers(); ++i) {
      queues.inbox_messages = std::max<uint64_t>(queues.inbox_messages, router_.worker(i).size());
    }
    for (const auto& worker : apply_workers_) {
      queues.apply_bytes = std::max(queues.apply_bytes, worker->queued_bytes());
    }
    return queues;
  }

 private:
  // On a thread of the log engine. What is in its memory is applied already, most of it: once the
  // data are flushed, every group can forget it.
  void PrepareLogFlush(absl::AnyInvocable<void() &&> done) {
    const env::Instant not_before =
        clock_->Now() + (AppliedHistory::kRecent + 1) * AppliedHistory::kInterval;
    CHECK_OK(kv_engine_->Flush()) << "the data engine refuses to flush";
    struct Countdown {
      std::atomic<int> left;
      absl::AnyInvocable<void() &&> done;
    };
    const std::shared_ptr<Countdown> countdown(new Countdown{router_.workers(), std::move(done)});
    for (int i = 0; i < router_.workers(); ++i) {
      router_.worker(i).Push(TruncateAll{not_before, [countdown] {
                                           if (--countdown->left == 0) std::move(countdown->done)();
                                         }});
    }
  }

  const HostConfig config_;
  const env::Clock* const clock_;
  Tenant* const tenant_;
  raftlog::LogEngine* const log_engine_;
  engine::KvEngine* const kv_engine_;
  HostMetrics metrics_;
  raftlog::LogUsage log_usage_;
  Router router_;
  LogFlusher flusher_;
  raftlog::LogWriter log_writer_;
  std::vector<std::unique_ptr<ApplyWorker>> apply_workers_;
  std::vector<std::unique_ptr<RaftWorker>> raft_workers_;
  Ticker ticker_;
};

Host::Host(const HostConfig& config, HostDependencies dependencies) {
  CHECK(config.raft_workers > 0 && config.apply_workers > 0);
  CHECK(config.lease_ratio > 0 && config.lease_ratio < 1) << "lease_ratio " << config.lease_ratio;
  CHECK_GT(config.election_timeout_ticks, config.heartbeat_ticks);
  impl_ = std::make_unique<Impl>(config, std::move(dependencies));
}

Host::~Host() = default;

void Host::AddGroup(GroupSpec spec) {
  const RegionId region_id = spec.region_id;
  impl_->WorkerOf(region_id).Push(StartGroup{std::make_unique<GroupSpec>(std::move(spec))});
}

void Host::RemoveGroup(RegionId region_id, bool clear_log,
                       std::vector<std::pair<std::string, std::string>> records,
                       absl::AnyInvocable<void() &&> done) {
  impl_->WorkerOf(region_id).Push(
      StopGroup{region_id, clear_log, std::move(records), std::move(done)});
}

void Host::Propose(RegionId region_id, Proposal proposal) {
  if (!proposal.callback) proposal.callback = [](const absl::StatusOr<Applied>&) {};
  PeerMessage message = ProposeRequest{region_id, std::move(proposal), impl_->clock().Now()};
  if (impl_->WorkerOf(region_id).TryPushRequest(std::move(message))) return;
  impl_->metrics().requests_busy.Increment();
  std::move(std::get<ProposeRequest>(message).proposal.callback)(impl_->tenant().Busy());
}

void Host::Read(RegionId region_id, ReadRequest request) {
  PeerMessage message = IndexRead{region_id, std::move(request)};
  if (impl_->WorkerOf(region_id).TryPushRequest(std::move(message))) return;
  impl_->metrics().requests_busy.Increment();
  std::move(std::get<IndexRead>(message).read.callback)(impl_->tenant().Busy());
}

void Host::Step(net::Envelope envelope) {
  WorkerInbox& inbox = impl_->WorkerOf(envelope.region_id);
  const uint64_t bytes = BytesOf(envelope);
  if (!inbox.TryPushReceived(Received{std::move(envelope)}, bytes)) {
    impl_->metrics().messages_dropped.Increment();
  }
}

void Host::TransferLeadership(RegionId region_id, PeerId target,
                              absl::AnyInvocable<void(absl::Status) &&> done) {
  impl_->WorkerOf(region_id).Push(TransferRequest{region_id, target, std::move(done)});
}

void Host::Campaign(RegionId region_id) {
  impl_->WorkerOf(region_id).Push(CampaignRequest{region_id});
}

void Host::TruncateLog(RegionId region_id, Index index) {
  impl_->WorkerOf(region_id).Push(TruncateRequest{region_id, index});
}

void Host::ReportSnapshot(RegionId region_id, PeerId to, bool succeeded) {
  impl_->WorkerOf(region_id).Push(SnapshotReport{region_id, to, succeeded});
}

void Host::ReportUnreachable(StoreId store_id) {
  for (int i = 0; i < impl_->router().workers(); ++i) {
    // Where the inbox is full the worker hears of it from the next message that is lost.
    if (!impl_->router().worker(i).TryPushReceived(UnreachableReport{store_id}, 0)) {
      impl_->metrics().messages_dropped.Increment();
    }
  }
}

QueueLengths Host::Queues() const { return impl_->Queues(); }

double Host::SlowScore() { return impl_->log_writer().SlowScoreNow(); }

void Host::Inspect(RegionId region_id,
                   absl::AnyInvocable<void(absl::StatusOr<GroupStatus>) &&> done) {
  impl_->WorkerOf(region_id).Push(InspectRequest{region_id, std::move(done)});
}

void Host::WithPeer(RegionId region_id,
                    absl::AnyInvocable<void(PeerDelegate&, PeerHandle&) &&> work) {
  impl_->WorkerOf(region_id).Push(PeerWork{region_id, std::move(work)});
}

}  // namespace flotilla::multiraft
