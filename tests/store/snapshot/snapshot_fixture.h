// Two stores' snapshot services, a network between them that tests can break, and stages that run
// when told to.
#ifndef FLOTILLA_TESTS_STORE_SNAPSHOT_SNAPSHOT_FIXTURE_H_
#define FLOTILLA_TESTS_STORE_SNAPSHOT_SNAPSHOT_FIXTURE_H_

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "store/snapshot/service.h"

namespace flotilla::store {

// Runs stages in the order of their addition until none has anything to do.
class StepScheduler final : public env::Scheduler {
 public:
  class NoWaker final : public env::Waker {
   public:
    void Wake() override {}
  };
  env::Waker* Add(env::Stage* stage) override {
    stages_.push_back(stage);
    return &waker_;
  }
  void Start() override {}
  void Stop() override {}
  // Returns whether any stage had something to do.
  bool RunAllOnce() {
    bool worked = false;
    for (env::Stage* stage : stages_) worked |= stage->RunOnce();
    return worked;
  }

 private:
  NoWaker waker_;
  std::vector<env::Stage*> stages_;
};

// Carries the messages of streams to a receiver, one a Pump, if it has room.
class DirectConnector final : public SnapshotConnector {
 public:
  ~DirectConnector() override {
    Cut([](const Link&) { return true; });
  }

  // May change a message; false ends the stream with Unavailable.
  std::function<bool(SnapshotMessage&)> filter = [](SnapshotMessage&) { return true; };
  // Most messages that were ever under way.
  size_t max_under_way = 0;
  size_t opened = 0;

  void SetReceiver(
      std::function<std::shared_ptr<IncomingSnapshot>(std::shared_ptr<IncomingSnapshotControl>)>
          accept) {
    accept_ = std::move(accept);
  }

  std::shared_ptr<OutgoingSnapshot> Open(
      StoreId /*to*/, std::shared_ptr<OutgoingSnapshotHandler> handler) override {
    ++opened;
    auto link = std::make_shared<Link>(std::move(handler));
    link->incoming = accept_(link);
    links_.push_back(link);
    return link;
  }

  bool Pump() {
    bool worked = false;
    for (const auto& link : std::vector(links_)) worked |= PumpLink(*link);
    Cut([](const Link& link) { return link.closed; });
    return worked;
  }

 private:
  struct Link final : public OutgoingSnapshot, public IncomingSnapshotControl {
    explicit Link(std::shared_ptr<OutgoingSnapshotHandler> h) : handler(std::move(h)) {}
    void Send(SnapshotMessage message) override {
      if (!closed) queue.push_back(std::move(message));
    }
    void Cancel() override { Close(absl::CancelledError("cancelled")); }
    void Wake() override {}
    void Answer(const absl::Status& status) override { Close(status); }
    void Close(const absl::Status& status) {
      if (closed) return;
      closed = true;
      queue.clear();
      handler->OnClosed(status);
      incoming->OnClosed();
    }

    const std::shared_ptr<OutgoingSnapshotHandler> handler;
    std::shared_ptr<IncomingSnapshot> incoming;
    std::deque<SnapshotMessage> queue;
    bool closed = false;
  };

  // A link and the stream that it feeds hold each other.
  template <typename Predicate>
  void Cut(Predicate predicate) {
    for (auto it = links_.begin(); it != links_.end();) {
      if (!predicate(**it)) {
        ++it;
        continue;
      }
      (*it)->incoming.reset();
      it = links_.erase(it);
    }
  }

  bool PumpLink(Link& link) {
    max_under_way = std::max(max_under_way, link.queue.size());
    if (link.closed || link.queue.empty() || !link.incoming->HasRoom()) return false;
    SnapshotMessage message = std::move(link.queue.front());
    link.queue.pop_front();
    if (!filter(message)) {
      link.Close(absl::UnavailableError("the connection broke"));
      return true;
    }
    link.handler->OnSent();
    link.incoming->OnMessage(std::move(message));
    return true;
  }

  std::function<std::shared_ptr<IncomingSnapshot>(std::shared_ptr<IncomingSnapshotControl>)>
      accept_;
  std::vector<std::shared_ptr<Link>> links_;
};

inline constexpr RegionId kRegion{7};
inline constexpr PeerId kTarget{72};
// The tests' own region record: "start|end|term|index" in the meta column family.
inline constexpr std::string_view kRegionKey = "region";

inline absl::StatusOr<RegionInView> ReadRegion(const engine::KvEngine& engine,
                                               const engine::Snapshot& view) {
  engine::ReadOptions options;
  options.snapshot = &view;
  auto record = engine.Get(engine::ColumnFamily::kMeta, kRegionKey, options);
  if (!record.ok()) return record.status();
  if (!record->has_value()) return absl::NotFoundError("no such region");
  const std::string& text = **record;
  const size_t bar = text.find('|');
  RegionInView region;
  region.range = {"b", "y"};
  region.applied = {Term(std::stoull(text.substr(0, bar))),
                    Index(std::stoull(text.substr(bar + 1)))};
  region.state = "state at " + text;
  return region;
}

// One store.
struct SnapshotStore {
  explicit SnapshotStore(DirectConnector* connector, SnapshotOptions options = {})
      : options_(std::move(options)), connector_(connector) {
    options_.registry.root = "snapshots";
    Open();
  }

  void Open() {
    auto opened = SnapshotService::Open(
        options_, {&engine, &files, &clock, &scheduler, connector_, &metrics},
        {[this](const engine::Snapshot& view, RegionId) { return ReadRegion(engine, view); },
         [](std::string_view) {
           raft::ConfState members;
           members.voters = {PeerId(71), kTarget};
           return members;
         },
         [this](net::Envelope envelope) { delivered.push_back(std::move(envelope)); },
         [this](RegionId, PeerId, bool ok) { reports.push_back(ok); }});
    CHECK_OK(opened.status());
    service = *std::move(opened);
  }

  void Put(engine::ColumnFamily cf, std::string_view key, std::string_view value) {
    const auto batch = engine.NewBatch();
    batch->Put(cf, key, value);
    CHECK_OK(engine.Write(*batch));
  }
  void SetApplied(uint64_t term, uint64_t index) {
    Put(engine::ColumnFamily::kMeta, kRegionKey, absl::StrFormat("%d|%d", term, index));
  }
  std::vector<std::pair<std::string, std::string>> Rows(engine::ColumnFamily cf) {
    std::vector<std::pair<std::string, std::string>> rows;
    const auto it = engine.NewIterator(cf);
    for (it->SeekToFirst(); it->Valid(); it->Next()) rows.emplace_back(it->key(), it->value());
    return rows;
  }
  // Makes the region's snapshot and returns it.
  raft::Snapshot Build(uint64_t min_index = 0) {
    for (int i = 0; i < 3; ++i) {
      const auto snapshot = service->SnapshotFor(kRegion, Index(min_index));
      if (snapshot.ok()) return *snapshot;
      CHECK(absl::IsUnavailable(snapshot.status())) << snapshot.status();
      scheduler.RunAllOnce();
    }
    CHECK(false) << "no snapshot was made";
    return {};
  }
  void Send(const raft::Snapshot& snapshot) {
    net::Envelope envelope;
    envelope.region_id = kRegion;
    envelope.from_store = StoreId(1);
    envelope.to_store = StoreId(2);
    envelope.message.from = PeerId(71);
    envelope.message.to = kTarget;
    envelope.message.term = snapshot.meta.term;
    envelope.message.body = raft::InstallSnapshot{snapshot};
    service->Send(std::move(envelope));
  }

  env::MemoryFileSystem files;
  env::ManualClock clock;
  engine::MemoryKvEngine engine{&files};
  metrics::Registry metrics;
  StepScheduler scheduler;
  std::vector<net::Envelope> delivered;
  std::vector<bool> reports;
  SnapshotOptions options_;
  DirectConnector* connector_;
  std::unique_ptr<SnapshotService> service;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_TESTS_STORE_SNAPSHOT_SNAPSHOT_FIXTURE_H_
