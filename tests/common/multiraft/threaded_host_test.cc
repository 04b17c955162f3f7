// Three hosts with real threads, real engines and an in-process network: what the simulator, which
// has one thread, cannot show.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>

#include "common/base/check.h"
#include "common/base/mutex.h"
#include "common/engine/rocks_kv_engine.h"
#include "common/engine/rocks_options.h"
#include "common/env/posix_file_system.h"
#include "common/env/thread_scheduler.h"
#include "common/raftlog/rocks_log_engine.h"
#include "tests/support/fault_network.h"
#include "tests/support/kv_store.h"

namespace flotilla::testing {
namespace {

constexpr int kStores = 3;
constexpr int kRegions = 8;

// Waits, with a deadline, for others to report.
class Gate {
 public:
  void Arrive() {
    MutexLock lock(mutex_);
    ++arrived_;
    changed_.NotifyAll();
  }
  // False when fewer than `count` came in a minute.
  bool WaitFor(int count) {
    MutexLock lock(mutex_);
    const env::Instant end = clock_.Now() + std::chrono::minutes(1);
    while (arrived_ < count) {
      const env::Instant now = clock_.Now();
      if (now >= end) return false;
      changed_.WaitFor(mutex_, end - now);
    }
    return true;
  }

 private:
  env::SystemClock clock_;
  Mutex mutex_;
  CondVar changed_;
  int arrived_ ABSL_GUARDED_BY(mutex_) = 0;
};

class ThreadedHostTest : public ::testing::Test {
 protected:
  ThreadedHostTest() : network_(&clock_, env::Random(1)), network_scheduler_(&clock_) {
    CHECK_OK(files_.RemoveAll(root_));
    network_.SetFaults({.min_delay = {}, .max_delay = {}});
    network_.SetWaker(network_scheduler_.Add(&network_));
    network_scheduler_.Start();
    for (int i = 0; i < kStores; ++i) Open(i);
  }
  ~ThreadedHostTest() override {
    for (int i = 0; i < kStores; ++i) Close(i);
    network_scheduler_.Stop();
    CHECK_OK(files_.RemoveAll(root_));
  }

  void Open(int i) {
    Node& node = nodes_[i];
    const std::string dir = root_ + "/" + std::to_string(i);
    const bool is_new = !node.opened;
    node.opened = true;
    CHECK_OK(files_.CreateDir(dir));
    auto kv = engine::RocksKvEngine::Open(dir + "/kv", {});
    CHECK_OK(kv.status());
    node.kv_engine = *std::move(kv);
    auto log = raftlog::RocksLogEngine::Open(dir + "/raft", {});
    CHECK_OK(log.status());
    node.log_engine = *std::move(log);
    if (is_new) {
      for (int region = 1; region <= kRegions; ++region) {
        std::vector<PeerId> voters;
        for (int s = 1; s <= kStores; ++s) voters.push_back(PeerOf(RegionId(region), StoreId(s)));
        KvStore::Bootstrap(node.kv_engine.get(), RegionId(region),
                           PeerOf(RegionId(region), StoreId(i + 1)), voters);
      }
    }
    node.scheduler = std::make_unique<env::ThreadScheduler>(&clock_);
    KvStoreOptions options;
    options.host.store_id = StoreId(i + 1);
    options.host.tick_interval = std::chrono::milliseconds(20);
    options.host.raft_workers = 2;
    options.host.apply_workers = 2;
    options.host.min_truncated_entries = 10;
    options.clock = &clock_;
    options.random = env::Random(i + 1);
    options.scheduler = node.scheduler.get();
    options.log_engine = node.log_engine.get();
    options.kv_engine = node.kv_engine.get();
    options.transport = network_.TransportOf(StoreId(i + 1));
    node.store = std::make_unique<KvStore>(options);
    multiraft::Host* host = &node.store->host();
    network_.SetHandler(StoreId(i + 1),
                        [host](net::Envelope envelope) { host->Step(std::move(envelope)); });
    node.scheduler->Start();
  }

  // Closing the engines does not flush: it leaves what a killed process leaves.
  void Close(int i) {
    Node& node = nodes_[i];
    // What the network is delivering right now still finds the host.
    network_.SetHandler(StoreId(i + 1), nullptr);
    network_.WaitUntilIdle();
    node.scheduler->Stop();
    node.store.reset();
    node.scheduler.reset();
    node.kv_engine.reset();
    node.log_engine.reset();
  }

  KvStore& store(int i) { return *nodes_[i].store; }

  // Proposes at one store after the other until one takes it and it is applied.
  void Put(RegionId region, std::string key, std::string value, int at, Gate* gate) {
    multiraft::Proposal proposal;
    proposal.command = EncodeKvCommand({KvCommand::Kind::kPut, key, value});
    proposal.callback = [=, this](absl::StatusOr<multiraft::Applied> result) {
      if (result.ok()) {
        gate->Arrive();
      } else {
        Put(region, key, value, (at + 1) % kStores, gate);
      }
    };
    store(at).host().Propose(region, std::move(proposal));
  }

  struct Node {
    bool opened = false;
    std::unique_ptr<engine::RocksKvEngine> kv_engine;
    std::unique_ptr<raftlog::RocksLogEngine> log_engine;
    std::unique_ptr<env::ThreadScheduler> scheduler;
    std::unique_ptr<KvStore> store;
  };

  const std::string root_ = ::testing::TempDir() + "threaded_host_test";
  env::SystemClock clock_;
  env::PosixFileSystem files_;
  FaultNetwork network_;
  env::ThreadScheduler network_scheduler_;
  std::array<Node, kStores> nodes_;
};

TEST_F(ThreadedHostTest, WritesOfManyGroupsAreAppliedAndSurviveARestart) {
  constexpr int kWrites = 4000;
  Gate gate;
  for (int i = 0; i < kWrites; ++i) {
    Put(RegionId(1 + i % kRegions), "k" + std::to_string(i), "v" + std::to_string(i), i % kStores,
        &gate);
  }
  ASSERT_TRUE(gate.WaitFor(kWrites));
  for (int i = 0; i < kStores; ++i) Close(i);
  for (int i = 0; i < kStores; ++i) Open(i);
  Gate after;
  for (int region = 1; region <= kRegions; ++region) {
    Put(RegionId(region), "last", "x", region % kStores, &after);
  }
  ASSERT_TRUE(after.WaitFor(kRegions));
  // A linearizable read, wherever it is, sees everything that was acknowledged.
  for (int i = 0; i < kStores; ++i) {
    for (int region = 1; region <= kRegions; ++region) {
      std::atomic<bool> ok = false;
      Gate read;
      store(i).host().Read(RegionId(region), {.callback = [&](absl::Status status) {
                             ok = status.ok();
                             read.Arrive();
                           }});
      ASSERT_TRUE(read.WaitFor(1));
      ASSERT_TRUE(ok);
    }
    for (int w = 0; w < kWrites; ++w) {
      const KvGroupStorage storage = store(i).Storage(RegionId(1 + w % kRegions));
      ASSERT_EQ(storage.Get("k" + std::to_string(w)), "v" + std::to_string(w)) << "store " << i;
    }
  }
}

}  // namespace
}  // namespace flotilla::testing
