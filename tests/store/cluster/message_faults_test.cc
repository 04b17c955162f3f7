// What messages between stores can do: kinds of them that are always lost, all of them once more
// minutes later, some from peers that nobody knows; and snapshots of ranges that are not free.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/check.h"
#include "common/rpc/raft_codec.h"
#include "store/kv/value_format.h"
#include "tests/store/kv_workload_history.h"
#include "tests/store/region_changer.h"
#include "tests/store/store_client.h"
#include "tests/store/store_cluster.h"

namespace flotilla::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Logs so short that whoever is behind for a moment needs a snapshot.
StoreClusterOptions Options(uint64_t seed) {
  StoreClusterOptions options;
  options.seed = seed;
  options.stores = 4;
  options.host.max_log_entries = 10;
  options.host.min_truncated_entries = 5;
  options.host.truncate_interval = milliseconds(200);
  options.flush_at_bytes = 2000;
  return options;
}

std::string Key(int i) { return "key" + std::to_string(10 + i); }

// Clients that work all the time, and a PD that changes something from time to time.
class BusyStores {
 public:
  explicit BusyStores(uint64_t seed)
      : cluster_(Options(seed)),
        history_(&cluster_.violations()),
        client_process_(&cluster_.world()),
        random_(env::Random(seed).Fork("busy")),
        changer_(&cluster_, {.voters = 3, .regions = 3}, env::Random(random_.Next())) {
    for (int i = 0; i < 2; ++i) {
      clients_.push_back(std::make_unique<StoreClient>(&cluster_, &history_, i, milliseconds(50),
                                                       env::Random(random_.Next())));
      clients_.back()->SetWaker(client_process_.Add(clients_.back().get()));
    }
    client_process_.Start();
  }
  // The stores answer what still waits while the clients are there to hear it.
  ~BusyStores() {
    for (int store = 1; store <= cluster_.stores(); ++store) {
      if (cluster_.IsUp(store)) cluster_.Crash(store);
    }
  }

  StoreCluster& cluster() { return cluster_; }

  void Work(env::Duration time) {
    const env::Instant end = cluster_.world().now() + time;
    while (cluster_.world().now() < end && cluster_.violations().empty()) {
      cluster_.world().RunFor(milliseconds(500));
      switch (random_.Uniform(4)) {
        case 0:
          changer_.ChangeMembers();
          break;
        case 1:
          changer_.TransferLeader();
          break;
        case 2:
          changer_.Split();
          break;
        case 3:
          break;
      }
    }
  }
  void Finish() {
    for (auto& client : clients_) client->Finish();
    cluster_.world().RunFor(seconds(20));
  }
  uint64_t writes() const { return history_.writes(); }
  std::string Violations() {
    std::string all;
    for (const std::string& violation : cluster_.violations().all()) all += violation + "\n";
    return all;
  }

 private:
  StoreCluster cluster_;
  KvWorkloadHistory history_;
  testing::SimScheduler client_process_;
  env::Random random_;
  RegionChanger changer_;
  std::vector<std::unique_ptr<StoreClient>> clients_;
};

TEST(MessageFaultsTest, EveryKindOfMessageMayBeLostForLong) {
  for (size_t kind = 0; kind < std::variant_size_v<raft::MessageBody>; ++kind) {
    // From all stores, and to one of them alone.
    for (const uint64_t victim : {0u, 2u}) {
      SCOPED_TRACE("kind " + std::to_string(kind) + " to store " + std::to_string(victim));
      BusyStores run(100 + kind);
      run.Work(seconds(5));
      run.cluster().network().SetFilter([kind, victim](const net::Envelope& envelope) {
        return envelope.message.body.index() != kind ||
               (victim != 0 && envelope.to_store != StoreId(victim));
      });
      run.Work(seconds(15));
      run.cluster().network().SetFilter(nullptr);
      const uint64_t before = run.writes();
      run.Work(seconds(15));
      ASSERT_EQ(run.Violations(), "");
      EXPECT_GT(run.writes(), before + 20) << "nothing goes on after the messages come again";
    }
  }
}

struct RegionSummary {
  uint64_t term = 0;
  uint64_t leader = 0;
  net::Epoch epoch;
  bool operator==(const RegionSummary&) const = default;
};

std::map<RegionId, RegionSummary> Summarize(StoreCluster& cluster) {
  std::map<RegionId, RegionSummary> all;
  for (int store = 1; store <= cluster.stores(); ++store) {
    for (const RegionViewPtr& view : cluster.store(store).index().All()) {
      if (view->peer->leader.load() != view->self.id()) continue;
      all[view->region.id()] = {view->peer->term.load(), view->self.id(), view->region.epoch()};
    }
  }
  return all;
}

TEST(MessageFaultsTest, MessagesOfMinutesAgoChangeNothing) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    BusyStores run(seed);
    StoreCluster& cluster = run.cluster();
    std::vector<net::Envelope> heard;
    std::map<size_t, int> kinds;
    cluster.network().SetFilter([&](const net::Envelope& envelope) {
      heard.push_back(envelope);
      ++kinds[envelope.message.body.index()];
      return true;
    });
    run.Work(seconds(30));
    run.Finish();
    cluster.network().SetFilter(nullptr);
    cluster.world().RunFor(seconds(120));
    const auto before = Summarize(cluster);
    ASSERT_GT(before.size(), 1u) << "no split happened";
    ASSERT_GT(kinds.size(), 6u) << "too few kinds of messages were sent";
    env::Random random(seed);
    while (!heard.empty()) {
      std::swap(heard[random.Uniform(heard.size())], heard.back());
      const net::Envelope old = std::move(heard.back());
      heard.pop_back();
      cluster.store(static_cast<int>(old.to_store.value())).manager().OnEnvelope(old);
      if (heard.size() % 10 == 0) cluster.world().RunFor(milliseconds(5));
    }
    cluster.world().RunFor(seconds(5));
    EXPECT_EQ(run.Violations(), "");
    EXPECT_EQ(Summarize(cluster), before) << "terms, leaders and epochs";
    EXPECT_TRUE(cluster.Put(Key(0), "after"));
  }
}

// A peer that nobody knows, with an epoch that has passed, of a term that is beyond all.
TEST(MessageFaultsTest, StrangersOfThePastAreNotListenedTo) {
  StoreCluster cluster(Options(7));
  ASSERT_TRUE(cluster.Put(Key(0), "v"));
  const auto before = Summarize(cluster);
  const raft::EntryId far{Term(rpc::kMaxRaftNumber), Index(rpc::kMaxRaftNumber)};
  const raft::MessageBody bodies[] = {
      raft::VoteRequest{false, far, false, {}},
      raft::VoteResponse{},
      raft::AppendRequest{far, far.index, {}},
      raft::AppendResponse{far.index},
      raft::Heartbeat{far.index, 1},
      raft::HeartbeatResponse{rpc::kMaxRaftNumber},
      raft::TimeoutNow{},
      raft::TransferLeaderRequest{PeerId(999)},
      raft::ReadIndexRequest{},
  };
  for (const raft::MessageBody& body : bodies) {
    for (int store = 1; store <= 4; ++store) {
      for (const uint64_t region : {StoreCluster::kFirstRegion, uint64_t{77}}) {
        net::Envelope envelope;
        envelope.region_id = RegionId(region);
        envelope.from_store = StoreId(9);
        envelope.to_store = StoreId(static_cast<uint64_t>(store));
        envelope.message.from = PeerId(999);
        envelope.message.to = PeerId(static_cast<uint64_t>(100 + store));
        envelope.message.term = far.term;
        envelope.message.body = body;
        cluster.store(store).manager().OnEnvelope(std::move(envelope));
      }
    }
    cluster.world().RunFor(seconds(1));
  }
  EXPECT_EQ(Summarize(cluster), before);
  EXPECT_EQ(cluster.store(4).index().size(), 0u) << "a region that is nobody's is not made";
  EXPECT_TRUE(cluster.Put(Key(0), "w"));
}

// What the engine of a store holds; empty when it holds nothing.
std::string ValueOn(StoreCluster& cluster, int store, int i) {
  const auto row = cluster.engine(store).Get(engine::ColumnFamily::kDefault,
                                             cluster.codec().Encode(cluster.RawKey(Key(i))));
  CHECK_OK(row.status());
  if (!row->has_value()) return "";
  const auto value = ParseStoredValue(**row);
  CHECK_OK(value.status());
  return std::string(value->value);
}

TEST(MessageFaultsTest, ASnapshotTakesNoRangeThatAnotherOneHasTaken) {
  StoreCluster cluster(Options(8));
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(cluster.Put(Key(i), "before"));
  cluster.world().RunFor(seconds(2));
  // The new peer gets a snapshot of the whole range, and does not come to install it.
  cluster.process(4).HoldStage("apply-0", true);
  pdpb::RegionHeartbeatResponse add;
  add.mutable_change_peer()->set_change_type(eraftpb::AddLearnerNode);
  add.mutable_change_peer()->mutable_peer()->set_id(204);
  add.mutable_change_peer()->mutable_peer()->set_store_id(4);
  add.mutable_change_peer()->mutable_peer()->set_role(metapb::Learner);
  cluster.Instruct(Key(0), add);
  const RegionId parent(StoreCluster::kFirstRegion);
  ASSERT_TRUE(cluster.RunUntil([&] {
    const auto log = cluster.log_engine(4).Load(parent);
    return log.ok() && log->last.index > Index(10);
  })) << "the snapshot is in its log";
  // Meanwhile half of that range becomes a region of its own, which wants a peer there too and can
  // give it nothing but a snapshot: its log is cut. Of the split the new peer does not hear.
  cluster.network().SetFilter([parent](const net::Envelope& envelope) {
    return envelope.region_id != parent || envelope.to_store != StoreId(4);
  });
  ASSERT_TRUE(cluster.Split(Key(15)));
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(cluster.Put(Key(i), "after"));
  cluster.world().RunFor(seconds(10));
  ASSERT_EQ(cluster.store(4).index().size(), 0u) << "the range is promised to the first one";
  cluster.process(4).HoldStage("apply-0", false);
  cluster.world().RunFor(seconds(10));
  ASSERT_EQ(cluster.store(4).index().size(), 1u) << "the first one has the range";
  EXPECT_EQ(cluster.ViewOn(4, Key(0))->region.id(), parent);
  EXPECT_EQ(ValueOn(cluster, 4, 0), "before") << "and nobody touched its data";
  cluster.network().SetFilter(nullptr);
  EXPECT_TRUE(cluster.RunUntil([&] {
    for (int i = 0; i < 30; ++i) {
      if (ValueOn(cluster, 4, i) != "after") return false;
    }
    return cluster.store(4).index().size() == 2;
  })) << "both halves in the end";
}

}  // namespace
}  // namespace flotilla::store
