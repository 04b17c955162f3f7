#include "store/recovery.h"

#include <gtest/gtest.h>

#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "common/raftlog/memory_log_engine.h"
#include "store/region/install_record.h"

namespace flotilla::store {
namespace {

constexpr RegionId kRegion{4};
constexpr PeerId kPeer{41};

RegionState State(RegionState::Kind kind = RegionState::Kind::kNormal) {
  RegionState state{kind, kPeer, {}};
  state.region.set_id(kRegion.value());
  state.region.set_start_key("a");
  state.region.set_end_key("m");
  metapb::Peer* peer = state.region.add_peers();
  peer->set_id(kPeer.value());
  peer->set_store_id(1);
  return state;
}

class CountingInstaller final : public StateInstaller {
 public:
  explicit CountingInstaller(engine::KvEngine* engine) : engine_(engine) {}
  absl::StatusOr<metapb::Region> Install(const raft::Snapshot& snapshot, PeerId self) override {
    ++installed;
    const auto batch = engine_->NewBatch();
    RegionState state = State();
    state.peer_id = self;
    PutRegionState(*batch, state);
    PutApplied(*batch, kRegion, {snapshot.meta.term, snapshot.meta.index});
    EXPECT_TRUE(engine_->Write(*batch).ok());
    return state.region;
  }
  int installed = 0;

 private:
  engine::KvEngine* const engine_;
};

class RecoveryTest : public ::testing::Test {
 protected:
  void PutState(const RegionState& state, Index applied) {
    const auto batch = engine_.NewBatch();
    PutRegionState(*batch, state);
    PutApplied(*batch, kRegion, {Term(6), applied});
    batch->Put(engine::ColumnFamily::kDefault, "b", "data");
    batch->Put(engine::ColumnFamily::kDefault, "n", "a neighbour's");
    ASSERT_TRUE(engine_.Write(*batch).ok());
  }
  void PutRecord(std::string_view name, std::string value) {
    raftlog::LogBatch batch;
    raftlog::LogChange change;
    change.region_id = kRegion;
    change.records.emplace_back(std::string(name), std::move(value));
    batch.changes.push_back(std::move(change));
    ASSERT_TRUE(log_.Write(batch).ok());
  }
  bool Has(const std::string& key) {
    return engine_.Get(engine::ColumnFamily::kDefault, key)->has_value();
  }
  std::string RecordOf(std::string_view name) {
    const auto group = log_.Load(kRegion);
    if (!group.ok()) return "";
    const auto it = group->records.find(std::string(name));
    return it == group->records.end() ? "" : it->second;
  }
  RecoveredRegions Recover() {
    auto recovered = RecoverRegions(engine_, log_, installer_);
    EXPECT_TRUE(recovered.ok()) << recovered.status();
    return *std::move(recovered);
  }

  env::MemoryFileSystem files_;
  engine::MemoryKvEngine engine_{&files_};
  raftlog::MemoryLogEngine log_;
  CountingInstaller installer_{&engine_};
};

TEST_F(RecoveryTest, RegionsComeBack) {
  PutState(State(), Index(20));
  const RecoveredRegions recovered = Recover();
  ASSERT_EQ(recovered.regions.size(), 1u);
  EXPECT_EQ(recovered.regions[0].applied.index, Index(20));
  EXPECT_EQ(recovered.regions[0].state.peer_id, kPeer);
  EXPECT_TRUE(Has("b"));
}

TEST_F(RecoveryTest, ARemovalThatTheEngineLostIsDoneAgain) {
  PutState(State(), Index(20));
  PutRecord(kTombstoneRecord, EncodeRegionState(State(RegionState::Kind::kTombstone)));
  for (int start = 0; start < 2; ++start) {
    const RecoveredRegions recovered = Recover();
    EXPECT_TRUE(recovered.regions.empty());
    ASSERT_EQ(recovered.tombstones.size(), 1u);
    EXPECT_FALSE(Has("b"));
    EXPECT_TRUE(Has("n")) << "a neighbour's data stay";
  }
}

TEST_F(RecoveryTest, TombstonesOfTheFirstFormatAreRead) {
  const RegionState tombstone = State(RegionState::Kind::kTombstone);
  std::string old_format = EncodeRegionState(tombstone);
  // Without the term and the index, of one byte each, that follow the peer's id.
  old_format[0] = 1;
  old_format.erase(old_format.size() - tombstone.region.ByteSizeLong() - 2, 2);
  const auto decoded = DecodeRegionState(old_format);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->peer_id, kPeer);
  EXPECT_EQ(decoded->removed_at, raft::EntryId{});
  EXPECT_EQ(decoded->region.SerializeAsString(), tombstone.region.SerializeAsString());
}

TEST_F(RecoveryTest, ALaterPeerIsNotTakenForItsPredecessor) {
  RegionState later = State();
  later.peer_id = PeerId(kPeer.value() + 1);
  PutState(later, Index(20));
  PutRecord(kTombstoneRecord, EncodeRegionState(State(RegionState::Kind::kTombstone)));
  EXPECT_EQ(Recover().regions.size(), 1u);
  EXPECT_TRUE(Has("b"));
}

TEST_F(RecoveryTest, ARemovalThatTheLogLostIsDoneAgain) {
  RegionState tombstone = State(RegionState::Kind::kTombstone);
  tombstone.removed_at = {Term(7), Index(21)};
  PutState(tombstone, Index(20));
  const RecoveredRegions recovered = Recover();
  EXPECT_TRUE(recovered.regions.empty());
  ASSERT_EQ(recovered.tombstones.size(), 1u);
  EXPECT_EQ(recovered.tombstones[0].removed_at, tombstone.removed_at);
  EXPECT_EQ(RecordOf(kTombstoneRecord), EncodeRegionState(tombstone));
  EXPECT_FALSE(LoadRegionState(engine_, kRegion)->has_value());
}

TEST_F(RecoveryTest, AnInterruptedInstallationIsFinished) {
  InstallRecord record{kPeer, {}};
  record.snapshot.meta = {Index(50), Term(7), {}};
  PutRecord(kInstallingRecord, EncodeInstallRecord(record));
  RecoveredRegions recovered = Recover();
  EXPECT_EQ(installer_.installed, 1);
  ASSERT_EQ(recovered.regions.size(), 1u);
  EXPECT_EQ(recovered.regions[0].applied.index, Index(50));
  EXPECT_EQ(RecordOf(kInstallingRecord), "");
  recovered = Recover();
  EXPECT_EQ(installer_.installed, 1) << "once is enough";
}

TEST_F(RecoveryTest, AFinishedInstallationIsNotRepeated) {
  PutState(State(), Index(60));
  InstallRecord record{kPeer, {}};
  record.snapshot.meta = {Index(50), Term(6), {}};
  PutRecord(kInstallingRecord, EncodeInstallRecord(record));
  EXPECT_EQ(Recover().regions.at(0).applied.index, Index(60));
  EXPECT_EQ(installer_.installed, 0);
  EXPECT_EQ(RecordOf(kInstallingRecord), "");
}

}  // namespace
}  // namespace flotilla::store
