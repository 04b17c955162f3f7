// Whole stores under random faults, by seed: crashes with loss of what was not durable, partitions,
// paused processes, slow disks, while clients write and read and a careless PD changes members,
// moves leaders and splits. What clients see is checked as it happens; then all heals, and the
// regions must tile, with every member of each holding the same.
//
// FLOTILLA_SEEDS=N runs N seeds a test, FLOTILLA_FIRST_SEED=S starts elsewhere.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/base/log.h"
#include "store/kv/value_format.h"
#include "store/region/region_storage.h"
#include "tests/store/kv_workload_history.h"
#include "tests/store/region_changer.h"
#include "tests/store/store_client.h"
#include "tests/store/store_cluster.h"
#include "tests/support/nemesis.h"

namespace flotilla::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

StoreClusterOptions Options(uint64_t seed) {
  env::Random random = env::Random(seed).Fork("options");
  StoreClusterOptions options;
  options.seed = seed;
  options.stores = 3 + static_cast<int>(random.Uniform(3));
  options.voters = random.Chance(0.4) ? 3 : 1;
  options.host.raft_workers = 1 + static_cast<int>(random.Uniform(2));
  options.host.apply_workers = 1 + static_cast<int>(random.Uniform(2));
  options.host.tick_interval = milliseconds(random.Chance(0.5) ? 100 : 20);
  options.host.max_append_bytes = random.Chance(0.5) ? 1 << 20 : 64;
  options.host.max_inflight_messages = random.Chance(0.5) ? 256 : 3;
  options.host.max_merged_bytes = random.Chance(0.5) ? 256 << 10 : 50;
  options.host.max_log_entries = random.Chance(0.5) ? 100'000 : 30;
  options.host.min_truncated_entries = random.Chance(0.5) ? 128 : 5;
  options.host.truncate_interval = milliseconds(random.Between(100, 2000));
  options.host.entry_cache_bytes = random.Chance(0.5) ? 64 << 20 : 500;
  options.peer.leader_missing_timeout = seconds(random.Between(2, 10));
  options.max_drift_ppm = random.Chance(0.5) ? 0 : 45'000;
  options.flush_at_bytes = random.Chance(0.6) ? 64 << 20 : random.Between(500, 10'000);
  return options;
}

class FaultyStores {
 public:
  explicit FaultyStores(uint64_t seed)
      : random_(env::Random(seed).Fork("faults")),
        options_(Options(seed)),
        cluster_(options_),
        history_(&cluster_.violations()),
        client_process_(&cluster_.world()),
        changer_(&cluster_, {.voters = random_.Chance(0.8) ? 3 : 5, .regions = 5},
                 env::Random(random_.Next())),
        nemesis_(&cluster_, testing::FaultMix::Draw(random_), env::Random(random_.Next())) {
    transfers_ = random_.Chance(0.5) ? 0.1 : 0;
    splits_ = random_.Chance(0.5) ? 0.15 * random_.Fraction() : 0;
    changes_ = options_.voters == 1 || random_.Chance(0.6) ? 0.1 + 0.4 * random_.Fraction() : 0;
    const milliseconds pauses[] = {milliseconds(20), milliseconds(200), seconds(2)};
    const env::Duration max_pause = pauses[random_.Uniform(3)];
    const int clients = 1 + static_cast<int>(random_.Uniform(4));
    for (int i = 0; i < clients; ++i) {
      clients_.push_back(std::make_unique<StoreClient>(&cluster_, &history_, i, max_pause,
                                                       env::Random(random_.Next())));
      clients_.back()->SetWaker(client_process_.Add(clients_.back().get()));
    }
    client_process_.Start();
  }

  // The stores answer what still waits while the clients are there to hear it.
  ~FaultyStores() {
    for (int store = 1; store <= cluster_.stores(); ++store) {
      if (cluster_.IsUp(store)) cluster_.Crash(store);
    }
  }

  StoreCluster& cluster() { return cluster_; }
  const KvWorkloadHistory& history() const { return history_; }

  void Safety(int events) {
    const uint64_t longest_ms = random_.Chance(0.5) ? 1500 : 300;
    for (int i = 0; i < events && cluster_.violations().empty(); ++i) {
      cluster_.world().RunFor(milliseconds(random_.Between(10, longest_ms)));
      double kind = random_.Fraction();
      if (kind < changes_) {
        changer_.ChangeMembers();
      } else if ((kind -= changes_) < transfers_) {
        changer_.TransferLeader();
      } else if (kind - transfers_ < splits_) {
        changer_.Split();
      } else {
        nemesis_.Strike();
      }
    }
  }

  // Everything works again: the regions must settle, and hold what clients were promised.
  void Liveness() {
    for (auto& client : clients_) client->Finish();
    nemesis_.HealAll();
    if (cluster_.violations().empty()) {
      std::string unsettled;
      for (int i = 0; i < 1000 && !(unsettled = WhatIsUnsettled()).empty(); ++i) {
        cluster_.world().RunFor(milliseconds(200));
      }
      ASSERT_EQ(unsettled, "");
      for (const RegionViewPtr& region : Led()) CheckData(*region);
      CheckLeftovers();
      ASSERT_TRUE(cluster_.Put("k00-last", "here")) << "the first region makes no progress";
    }
    for (const std::string& violation : cluster_.violations().all()) ADD_FAILURE() << violation;
  }

 private:
  using Rows = std::map<std::string, std::string>;

  // The views of leaders, in key order.
  std::vector<RegionViewPtr> Led() {
    std::map<std::string, RegionViewPtr> led;
    for (int store = 1; store <= cluster_.stores(); ++store) {
      for (const RegionViewPtr& view : cluster_.store(store).index().All()) {
        if (view->peer->leader.load() == view->self.id()) led[view->region.range().start] = view;
      }
    }
    std::vector<RegionViewPtr> views;
    for (const auto& [start, view] : led) views.push_back(view);
    return views;
  }

  // Empty once leaders' regions tile, all members are as far as their leaders, and nobody else is
  // there.
  std::string WhatIsUnsettled() {
    const std::vector<RegionViewPtr> led = Led();
    std::map<RegionId, const RegionView*> by_id;
    std::string end;
    for (const RegionViewPtr& view : led) {
      const Region& region = view->region;
      if (region.range().start != end) return "no leader from " + end;
      end = region.range().end;
      by_id[region.id()] = view.get();
      if (region.InJointState()) return fmt::format("region {} is in joint state", region.id());
      for (const metapb::Peer& peer : region.meta().peers()) {
        std::string behind = WhatIsBehind(*view, peer);
        if (!behind.empty()) return behind;
      }
    }
    if (led.empty() || !end.empty()) return "no leader from " + end;
    for (int store = 1; store <= cluster_.stores(); ++store) {
      for (const RegionViewPtr& view : cluster_.store(store).index().All()) {
        const auto led = by_id.find(view->region.id());
        const PeerId self(view->self.id());
        if (led == by_id.end() || led->second->region.FindPeer(self) == nullptr) {
          return fmt::format("store {} has a stranger: {}", store,
                             view->region.meta().ShortDebugString());
        }
      }
    }
    return "";
  }

  raft::EntryId AppliedOn(uint64_t store, RegionId region) {
    const auto applied = cluster_.engine(static_cast<int>(store))
                             .Get(engine::ColumnFamily::kMeta, AppliedKey(region));
    CHECK_OK(applied.status());
    if (!applied->has_value()) return {};
    const auto decoded = DecodeApplied(**applied);
    CHECK_OK(decoded.status());
    return *decoded;
  }

  std::string WhatIsBehind(const RegionView& leader, const metapb::Peer& peer) {
    const Region& region = leader.region;
    const std::string name = fmt::format("peer {} of region {}", peer.id(), region.id());
    const RegionViewPtr view =
        cluster_.store(static_cast<int>(peer.store_id())).index().Find(region.id());
    if (view == nullptr || view->self.id() != peer.id()) {
      return fmt::format("{} is not on store {}", name, peer.store_id());
    }
    if (view->region.epoch() != region.epoch()) return name + " has another epoch";
    const raft::EntryId goal = AppliedOn(leader.self.store_id(), region.id());
    const raft::EntryId applied = AppliedOn(peer.store_id(), region.id());
    if (applied == goal) return "";
    return fmt::format("{} has applied {} of {}", name, applied.index, goal.index);
  }

  Rows RowsOn(uint64_t store, const KeyRange& range) {
    Rows rows;
    engine::ReadOptions options;
    options.bounds = range;
    const auto it = cluster_.engine(static_cast<int>(store))
                        .NewIterator(engine::ColumnFamily::kDefault, options);
    for (it->SeekToFirst(); it->Valid(); it->Next()) rows.emplace(it->key(), it->value());
    CHECK_OK(it->status());
    return rows;
  }

  // All members hold the same, and it is what clients may expect.
  void CheckData(const RegionView& leader) {
    const KeyRange& range = leader.region.range();
    const Rows rows = RowsOn(leader.self.store_id(), range);
    for (const metapb::Peer& peer : leader.region.meta().peers()) {
      if (RowsOn(peer.store_id(), range) != rows) {
        cluster_.violations().Add(fmt::format("region {}: stores {} and {} hold different data",
                                              leader.region.id(), leader.self.store_id(),
                                              peer.store_id()));
      }
    }
    for (const auto& [key, mark] : history_.marks()) {
      const std::string engine_key = EngineKey(key);
      if (range.Contains(engine_key)) history_.EndMarkRead(key, mark, rows.contains(engine_key));
    }
    for (uint64_t prefix = 0; prefix < StoreClient::kPrefixes; ++prefix) {
      const std::string key = StoreClient::CounterKey(prefix);
      const std::string engine_key = EngineKey(key);
      if (!range.Contains(engine_key)) continue;
      const auto row = rows.find(engine_key);
      uint64_t value = 0;
      if (row != rows.end()) {
        const auto stored = ParseStoredValue(row->second);
        CHECK_OK(stored.status());
        value = std::strtoull(std::string(stored->value).c_str(), nullptr, 10);
      }
      history_.EndRead(key, history_.BeginRead(key), value);
    }
  }

  // Peers that went have left nothing behind.
  void CheckLeftovers() {
    for (int store = 1; store <= cluster_.stores(); ++store) {
      for (const auto& [key, value] : RowsOn(static_cast<uint64_t>(store), KeyRange{})) {
        if (cluster_.store(store).index().FindByKey(key) != nullptr) continue;
        cluster_.violations().Add(
            fmt::format("store {} holds a key of none of its regions", store));
        break;
      }
    }
  }

  std::string EngineKey(const std::string& key) {
    return cluster_.codec().Encode(cluster_.RawKey(key));
  }

  env::Random random_;
  const StoreClusterOptions options_;
  StoreCluster cluster_;
  KvWorkloadHistory history_;
  testing::SimScheduler client_process_;
  RegionChanger changer_;
  testing::Nemesis nemesis_;
  std::vector<std::unique_ptr<StoreClient>> clients_;
  // Of an event to be a transfer of leadership, a split, a change of membership.
  double transfers_ = 0;
  double splits_ = 0;
  double changes_ = 0;
};

TEST(StoreFaultsTest, ClientsSeeWhatTheyWereToldAndRegionsSettle) {
  const uint64_t first = FromEnvironment("FLOTILLA_FIRST_SEED", 1);
  const uint64_t seeds = FromEnvironment("FLOTILLA_SEEDS", 600);
  uint64_t writes = 0;
  uint64_t reads = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    // Where a process stops itself, the last line tells the seed.
    std::cerr << "seed " << seed << "\n";
    FaultyStores run(seed);
    run.Safety(60);
    run.Liveness();
    writes += run.history().writes();
    reads += run.history().reads();
    if (::testing::Test::HasFailure()) return;
  }
  std::cerr << writes << " writes, " << reads << " reads\n";
  // The faults must not keep the clients from working, or the test shows nothing.
  EXPECT_GT(writes, 20 * seeds);
  EXPECT_GT(reads, 20 * seeds);
}

}  // namespace
}  // namespace flotilla::store
