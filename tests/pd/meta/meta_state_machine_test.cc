#include "pd/meta/meta_state_machine.h"

#include <gtest/gtest.h>

#include "pd/keyspace/keyspace_rules.h"
#include "pd/meta/meta_commands.h"
#include "tests/pd/local_meta_store.h"

namespace flotilla::pd {
namespace {

class MetaStateMachineTest : public testing::Test {
 protected:
  MetaStateMachineTest() { store_.Lead(Term(1)); }

  absl::StatusOr<meta::v1::Result> Run(meta::v1::Command command) {
    command.set_now_ms(clock_.WallMillis());
    return store_.Apply(command);
  }
  absl::StatusOr<meta::v1::Result> Init(uint64_t id) {
    meta::v1::Command command;
    command.mutable_init_cluster()->set_cluster_id(id);
    return Run(command);
  }
  absl::StatusOr<meta::v1::Result> PutStore(uint64_t id, const std::string& address) {
    meta::v1::Command command;
    command.mutable_put_store()->mutable_store()->set_id(id);
    command.mutable_put_store()->mutable_store()->set_address(address);
    return Run(command);
  }
  absl::StatusOr<meta::v1::Result> PutRegion(uint64_t id, uint64_t version, uint64_t conf_ver,
                                             std::vector<uint64_t> removed = {}) {
    meta::v1::Command command;
    metapb::Region* region = command.mutable_update_regions()->add_put();
    region->set_id(id);
    region->mutable_region_epoch()->set_version(version);
    region->mutable_region_epoch()->set_conf_ver(conf_ver);
    for (const uint64_t one : removed) command.mutable_update_regions()->add_removed(one);
    return Run(command);
  }
  absl::StatusOr<meta::v1::Result> CreateKeyspace(const std::string& name) {
    meta::v1::Command command;
    command.mutable_create_keyspace()->set_name(name);
    return Run(command);
  }
  absl::StatusOr<meta::v1::Result> SetState(uint32_t id, keyspacepb::KeyspaceState state) {
    meta::v1::Command command;
    command.mutable_update_keyspace_state()->set_id(id);
    command.mutable_update_keyspace_state()->set_state(state);
    return Run(command);
  }
  absl::StatusOr<meta::v1::Result> PutEtcd(const std::string& key, const std::string& value) {
    meta::v1::Command command;
    command.mutable_put_etcd()->set_key(key);
    command.mutable_put_etcd()->set_value(value);
    return Run(command);
  }

  env::ManualClock clock_;
  LocalMetaStore store_{&clock_};
};

TEST_F(MetaStateMachineTest, AStoreThatIsDeclaredLostStaysLost) {
  const auto declare = [this](uint64_t id) {
    meta::v1::Command command;
    command.mutable_declare_lost()->set_store_id(id);
    return Run(command);
  };
  const auto bury = [this](uint64_t id) {
    meta::v1::Command command;
    command.mutable_bury_store()->set_store_id(id);
    return Run(command);
  };
  ASSERT_TRUE(PutStore(1, "a").ok());
  ASSERT_TRUE(PutStore(2, "b").ok());
  EXPECT_TRUE(absl::IsNotFound(declare(3).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(bury(1).status())) << "it was not declared lost";
  ASSERT_TRUE(declare(1).ok());
  ASSERT_TRUE(declare(1).ok());
  EXPECT_EQ((*store_.reader().Store(1))->state(), metapb::Offline);
  EXPECT_TRUE(absl::IsFailedPrecondition(PutStore(1, "a").status()));
  EXPECT_TRUE(PutStore(3, "a").ok()) << "its address is free";
  EXPECT_TRUE(absl::IsAlreadyExists(PutStore(4, "b").status()));

  meta::v1::Command command;
  metapb::Region* region = command.mutable_update_regions()->add_put();
  region->set_id(7);
  region->mutable_region_epoch()->set_conf_ver(1);
  region->add_peers()->set_store_id(1);
  ASSERT_TRUE(Run(command).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(bury(1).status())) << "a region has a peer there";
  region->mutable_region_epoch()->set_conf_ver(2);
  region->mutable_peers(0)->set_store_id(2);
  ASSERT_TRUE(Run(command).ok());
  ASSERT_TRUE(bury(1).ok());
  EXPECT_EQ((*store_.reader().Store(1))->state(), metapb::Tombstone);
  ASSERT_TRUE(declare(1).ok());
  EXPECT_EQ((*store_.reader().Store(1))->state(), metapb::Tombstone) << "it does not go back";
  EXPECT_TRUE(absl::IsFailedPrecondition(PutStore(1, "a").status()));
}

TEST_F(MetaStateMachineTest, FirstClusterIdStands) {
  EXPECT_EQ(Init(77)->cluster_id(), 77u);
  EXPECT_EQ(Init(88)->cluster_id(), 77u);
  EXPECT_EQ(store_.reader().Cluster()->cluster_id(), 77u);
}

TEST_F(MetaStateMachineTest, DefaultKeyspaceIsThereFromTheBeginning) {
  ASSERT_TRUE(Init(77).ok());
  const auto keyspace = store_.reader().KeyspaceByName(kDefaultKeyspaceName);
  ASSERT_TRUE(keyspace.ok() && keyspace->has_value());
  EXPECT_EQ((*keyspace)->id(), 0u);
  EXPECT_EQ((*keyspace)->state(), keyspacepb::ENABLED);
}

TEST_F(MetaStateMachineTest, ReservedIdsNeverRepeat) {
  ASSERT_TRUE(Init(77).ok());
  meta::v1::Command command;
  command.mutable_reserve_ids()->set_count(1000);
  EXPECT_EQ(Run(command)->first_id(), 1u);
  EXPECT_EQ(Run(command)->first_id(), 1001u);
}

TEST_F(MetaStateMachineTest, TsoLimitNeverGoesDown) {
  meta::v1::Command command;
  command.mutable_save_tso_limit()->set_limit_ms(500);
  ASSERT_TRUE(Run(command).ok());
  command.mutable_save_tso_limit()->set_limit_ms(400);
  ASSERT_TRUE(Run(command).ok());
  EXPECT_EQ(store_.reader().Cluster()->tso_limit_ms(), 500);
}

TEST_F(MetaStateMachineTest, BootstrapsOnce) {
  ASSERT_TRUE(Init(77).ok());
  meta::v1::Command command;
  command.mutable_bootstrap()->mutable_store()->set_id(1);
  command.mutable_bootstrap()->mutable_region()->set_id(2);
  ASSERT_TRUE(Run(command).ok());
  command.mutable_bootstrap()->mutable_store()->set_id(9);
  EXPECT_EQ(Run(command).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(store_.reader().Store(1)->has_value());
  EXPECT_FALSE(store_.reader().Store(9)->has_value());
}

TEST_F(MetaStateMachineTest, AddressBelongsToOneStore) {
  ASSERT_TRUE(PutStore(1, "a:1").ok());
  ASSERT_TRUE(PutStore(1, "a:1").ok());
  const auto refused = PutStore(2, "a:1");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_NE(refused.status().message().find("duplicated store address"), std::string::npos);
  ASSERT_TRUE(PutStore(1, "a:2").ok());
  EXPECT_TRUE(PutStore(2, "a:1").ok());
}

TEST_F(MetaStateMachineTest, OlderEpochsDoNotOverwriteRegions) {
  ASSERT_TRUE(PutRegion(1, 5, 5).ok());
  ASSERT_TRUE(PutRegion(1, 4, 6).ok());
  ASSERT_TRUE(PutRegion(1, 6, 4).ok());
  EXPECT_EQ((*store_.reader().Region(1))->region_epoch().version(), 5u);
  ASSERT_TRUE(PutRegion(2, 7, 1, {1}).ok());
  EXPECT_FALSE(store_.reader().Region(1)->has_value());
  EXPECT_EQ(store_.reader().Regions()->size(), 1u);
}

TEST_F(MetaStateMachineTest, KeyspaceNamesAreUniqueAndIdsConsecutive) {
  ASSERT_TRUE(Init(77).ok());
  EXPECT_EQ(CreateKeyspace("a")->keyspace().id(), 1u);
  EXPECT_EQ(CreateKeyspace("b")->keyspace().id(), 2u);
  EXPECT_EQ(CreateKeyspace("a").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CreateKeyspace("DEFAULT").status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CreateKeyspace("a b").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store_.reader().Keyspaces(0, 0)->size(), 3u);
  EXPECT_EQ(store_.reader().Keyspaces(1, 1)->at(0).name(), "a");
}

TEST_F(MetaStateMachineTest, KeyspaceStatesFollowTheirOrder) {
  ASSERT_TRUE(Init(77).ok());
  ASSERT_TRUE(CreateKeyspace("a").ok());
  EXPECT_FALSE(SetState(1, keyspacepb::ARCHIVED).ok());
  EXPECT_TRUE(SetState(1, keyspacepb::DISABLED).ok());
  EXPECT_TRUE(SetState(1, keyspacepb::ENABLED).ok());
  EXPECT_TRUE(SetState(1, keyspacepb::DISABLED).ok());
  EXPECT_TRUE(SetState(1, keyspacepb::ARCHIVED).ok());
  EXPECT_FALSE(SetState(1, keyspacepb::ENABLED).ok());
  EXPECT_TRUE(SetState(1, keyspacepb::TOMBSTONE).ok());
  EXPECT_EQ(SetState(0, keyspacepb::DISABLED).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SetState(9, keyspacepb::DISABLED).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(MetaStateMachineTest, BarriersHoldTheSafePoint) {
  meta::v1::Command set;
  set.mutable_set_gc_barrier()->mutable_barrier()->set_barrier_id("cdc");
  set.mutable_set_gc_barrier()->mutable_barrier()->set_barrier_ts(40);
  ASSERT_TRUE(Run(set).ok());
  meta::v1::Command advance;
  advance.mutable_advance_txn_safe_point()->set_target(100);
  EXPECT_EQ(Run(advance)->safe_point().new_value(), 40u);
  meta::v1::Command remove;
  remove.mutable_delete_gc_barrier()->set_barrier_id("cdc");
  EXPECT_EQ(Run(remove)->barrier().barrier_ts(), 40u);
  EXPECT_FALSE(Run(remove)->has_barrier());
  EXPECT_EQ(Run(advance)->safe_point().new_value(), 100u);
  // Behind the point now.
  EXPECT_EQ(Run(set).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(MetaStateMachineTest, ExpiredBarriersAreSweptWhenOthersAreSet) {
  meta::v1::Command set;
  auto* barrier = set.mutable_set_gc_barrier()->mutable_barrier();
  barrier->set_barrier_id("old");
  barrier->set_expires_at_ms(clock_.WallMillis() + 1000);
  ASSERT_TRUE(Run(set).ok());
  clock_.Advance(std::chrono::seconds(2));
  barrier->set_barrier_id("new");
  barrier->set_expires_at_ms(0);
  ASSERT_TRUE(Run(set).ok());
  ASSERT_EQ(store_.reader().Barriers()->size(), 1u);
  EXPECT_EQ(store_.reader().Barriers()->at(0).barrier_id(), "new");
}

TEST_F(MetaStateMachineTest, EtcdKeysHaveRevisionsAndVersions) {
  ASSERT_TRUE(PutEtcd("/a", "1").ok());
  ASSERT_TRUE(PutEtcd("/b", "1").ok());
  EXPECT_EQ(PutEtcd("/a", "2")->etcd_revision(), 3);
  const auto value = store_.reader().Etcd("/a");
  EXPECT_EQ((*value)->value(), "2");
  EXPECT_EQ((*value)->create_revision(), 1);
  EXPECT_EQ((*value)->mod_revision(), 3);
  EXPECT_EQ((*value)->version(), 2);
  EXPECT_FALSE(PutEtcd("", "x").ok());
  EXPECT_FALSE(PutEtcd("/big", std::string(kMaxEtcdValueBytes + 1, 'x')).ok());
}

TEST_F(MetaStateMachineTest, EtcdSafePointKeyMovesTheSafePoint) {
  const std::string key(kEtcdSafePointKey);
  ASSERT_TRUE(PutEtcd(key, "500").ok());
  EXPECT_EQ(store_.reader().Gc()->txn_safe_point(), 500u);
  EXPECT_FALSE(PutEtcd(key, "499").ok());
  EXPECT_FALSE(PutEtcd(key, "many").ok());
}

TEST_F(MetaStateMachineTest, MalformedCommandsAreRefused) {
  MetaStateMachine machine(&store_.engine(), {});
  LocalApplyContext context(&store_.engine(), {Term(1), Index(9)});
  EXPECT_EQ(machine.Apply(context, "\xff\xff").status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(machine.Apply(context, "").status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(machine.ApplyConfChange(context, {}).status.ok());
}

TEST_F(MetaStateMachineTest, SnapshotCarriesTheWholeStateAndReplacesAnother) {
  ASSERT_TRUE(Init(77).ok());
  ASSERT_TRUE(PutStore(1, "a:1").ok());
  ASSERT_TRUE(CreateKeyspace("a").ok());
  ASSERT_TRUE(PutRegion(5, 1, 1).ok());
  const raft::ConfState members = Voters({PeerId(1), PeerId(2)});
  const auto snapshot = MakeMetaSnapshot(store_.engine(), members);
  ASSERT_TRUE(snapshot.ok());
  EXPECT_EQ(snapshot->meta.index, store_.index());

  LocalMetaStore other(&clock_);
  other.Lead(Term(1));
  meta::v1::Command stray;
  stray.mutable_put_store()->mutable_store()->set_id(9);
  ASSERT_TRUE(other.Apply(stray).ok());
  MetaStateMachine machine(&other.engine(), {});
  ASSERT_TRUE(machine.InstallSnapshot(*snapshot).status.ok());
  // Again, as after a crash.
  ASSERT_TRUE(machine.InstallSnapshot(*snapshot).status.ok());
  EXPECT_EQ(other.reader().Dump()->SerializeAsString(),
            store_.reader().Dump()->SerializeAsString());
  EXPECT_FALSE(other.reader().Store(9)->has_value());
  EXPECT_EQ((*other.reader().Applied())->index(), store_.index().value());
  EXPECT_EQ((*other.reader().Applied())->voters_size(), 2);
  raft::Snapshot broken = *snapshot;
  broken.data = Bytes(std::string("\xff\xff\xff"));
  EXPECT_EQ(machine.InstallSnapshot(broken).status.code(), absl::StatusCode::kDataLoss);
}

TEST_F(MetaStateMachineTest, FlushedPositionTrailsTheApplied) {
  ASSERT_TRUE(Init(77).ok());
  EXPECT_FALSE(store_.reader().FlushedApplied()->has_value());
  ASSERT_TRUE(store_.engine().Flush().ok());
  EXPECT_EQ((*store_.reader().FlushedApplied())->index(), store_.index().value());
}

}  // namespace
}  // namespace flotilla::pd
