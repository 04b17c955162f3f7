#include "store/region/region_state_machine.h"

#include <gtest/gtest.h>

#include <memory>

#include "common/base/check.h"
#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "common/errors/region_error.h"
#include "store/kv/command.h"
#include "store/operation/conf_change.h"
#include "store/operation/split.h"
#include "store/region/region_storage.h"

namespace flotilla::store {
namespace {

constexpr RegionId kRegion(1);

metapb::Region MakeRegion() {
  metapb::Region meta;
  meta.set_id(kRegion.value());
  meta.set_end_key("z");
  meta.mutable_region_epoch()->set_conf_ver(1);
  meta.mutable_region_epoch()->set_version(1);
  for (uint64_t store : {1, 2}) {
    metapb::Peer* peer = meta.add_peers();
    peer->set_id(10 + store);
    peer->set_store_id(store);
  }
  return meta;
}

// The first peer's state machine over an engine with a crash model.
class RegionStateMachineTest : public ::testing::Test, private multiraft::ApplyContext {
 protected:
  RegionStateMachineTest() {
    PutRegionState(*batch_, {RegionState::Kind::kNormal, PeerId(11), MakeRegion()});
    PutApplied(*batch_, kRegion, kInitialPosition);
    Write();
    CHECK_OK(engine_.Flush());
  }

  multiraft::ApplyContext& context() {
    ++index_;
    return *this;
  }
  void Write() {
    CHECK_OK(engine_.Write(*batch_));
    batch_->Clear();
  }
  multiraft::CommandResult RemoveSelf() {
    const Region region(MakeRegion());
    return machine_.ApplyConfChange(
        context(), MakeConfChange(region.epoch(),
                                  {{raft::ConfChangeStep::Type::kRemove, region.meta().peers(0)}}));
  }

  env::MemoryFileSystem files_;
  engine::MemoryKvEngine engine_{&files_};
  std::unique_ptr<engine::WriteBatch> batch_ = engine_.NewBatch();
  uint64_t index_ = 5;
  struct : HashSink {
    bool Reserve() override { return has_room; }
    void Take(HashTask task) override { tasks.push_back(std::move(task)); }
    bool has_room = true;
    std::vector<HashTask> tasks;
  } hashes_;
  RegionStateMachine machine_{
      {kRegion, PeerId(11), StoreId(1)}, Region(MakeRegion()), &engine_, nullptr, &hashes_,
      std::make_shared<PublishedPeer>()};

 private:
  raft::EntryId at() const override { return {Term(6), Index(index_)}; }
  engine::WriteBatch& batch() override { return *batch_; }
  void WriteOut() override { Write(); }
};

TEST_F(RegionStateMachineTest, WhatFollowsItsRemovalIsUndetermined) {
  ASSERT_TRUE(RemoveSelf().status.ok());
  const auto write = machine_.Apply(context(), WriteCommand(1, 0).Take());
  EXPECT_TRUE(errors::IsUndetermined(write.status)) << "the others apply it";
}

TEST_F(RegionStateMachineTest, ATombstoneTellsWhereThePeerWasRemoved) {
  ASSERT_TRUE(RemoveSelf().status.ok());
  Write();
  const auto state = LoadRegionState(engine_, kRegion);
  ASSERT_TRUE(state.ok() && state->has_value());
  EXPECT_EQ((*state)->kind, RegionState::Kind::kTombstone);
  EXPECT_EQ((*state)->removed_at, (raft::EntryId{Term(6), Index(6)}));
}

TEST_F(RegionStateMachineTest, ASplitIsFlushedBeforeTheLogIsLost) {
  SplitCommand split;
  split.epoch = Region(MakeRegion()).epoch();
  split.pieces.push_back({"m", RegionId(2), {PeerId(21), PeerId(22)}});
  ASSERT_TRUE(machine_.Apply(context(), EncodeSplit(split)).status.ok());
  Write();
  ASSERT_TRUE(machine_.PrepareForLossOfLog().ok());
  engine_.Crash();
  const auto child = LoadRegionState(engine_, RegionId(2));
  ASSERT_TRUE(child.ok());
  EXPECT_TRUE(child->has_value());
}

TEST_F(RegionStateMachineTest, WithoutASplitNothingNeedsAFlush) {
  batch_->Put(engine::ColumnFamily::kDefault, "k", "v");
  Write();
  ASSERT_TRUE(machine_.PrepareForLossOfLog().ok());
  EXPECT_GT(engine_.UnflushedBytes(), 0u);
}

TEST_F(RegionStateMachineTest, AHashIsOfTheStateAtItsEntryAndWritesNothing) {
  batch_->Put(engine::ColumnFamily::kDefault, "k", "before");
  const auto result = machine_.Apply(context(), EncodeComputeHash(1, {77, StoreId(2)}));
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_TRUE(batch_->empty());
  batch_->Put(engine::ColumnFamily::kDefault, "k", "after");
  Write();
  ASSERT_EQ(hashes_.tasks.size(), 1u);
  const HashTask& task = hashes_.tasks.front();
  EXPECT_EQ(task.command.check_id, 77u);
  EXPECT_EQ(task.command.reply_to, StoreId(2));
  EXPECT_EQ(task.at, Index(index_));
  EXPECT_EQ(task.region.range(), (KeyRange{"", "z"}));
  const auto seen =
      engine_.Get(engine::ColumnFamily::kDefault, "k", {.snapshot = task.view.get(), .bounds = {}});
  ASSERT_TRUE(seen.ok());
  EXPECT_EQ(seen->value_or(""), "before");
}

TEST_F(RegionStateMachineTest, AHashThatNobodyHasTimeForIsAnsweredAllTheSame) {
  hashes_.has_room = false;
  EXPECT_TRUE(machine_.Apply(context(), EncodeComputeHash(1, {77, StoreId(2)})).status.ok());
  ASSERT_EQ(hashes_.tasks.size(), 1u);
  EXPECT_EQ(hashes_.tasks.front().view, nullptr);
}

TEST_F(RegionStateMachineTest, AHashOfAnotherVersionIsRefused) {
  EXPECT_FALSE(machine_.Apply(context(), EncodeComputeHash(2, {77, StoreId(2)})).status.ok());
  EXPECT_TRUE(hashes_.tasks.empty());
}

}  // namespace
}  // namespace flotilla::store
