// The whole way of a snapshot between two stores, with everything in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/coding.h"
#include "common/env/random.h"
#include "tests/store/snapshot/snapshot_fixture.h"

namespace flotilla::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr engine::ColumnFamily kDefault = engine::ColumnFamily::kDefault;
constexpr engine::ColumnFamily kWrite = engine::ColumnFamily::kWrite;
constexpr engine::ColumnFamily kMeta = engine::ColumnFamily::kMeta;

class SnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override { Connect(); }
  void Connect() {
    connector_.SetReceiver([this](std::shared_ptr<IncomingSnapshotControl> control) {
      return to_->service->Accept(std::move(control));
    });
  }
  void MakeReceiver(SnapshotOptions options) {
    to_ = std::make_unique<SnapshotStore>(&connector_, std::move(options));
  }
  void MakeSender(SnapshotOptions options) {
    from_ = std::make_unique<SnapshotStore>(&connector_, std::move(options));
  }
  // Lets everything happen that can.
  void Run() {
    bool worked = true;
    while (worked) {
      worked = from_->scheduler.RunAllOnce();
      worked |= connector_.Pump();
      worked |= to_->scheduler.RunAllOnce();
    }
  }
  // Values that the sender's engine holds `megabytes` of, none of which repeats itself.
  void Fill(int megabytes) {
    env::Random random(5);
    for (int i = 0; i < megabytes * 10; ++i) {
      std::string value;
      while (value.size() < 100 << 10) PutBigEndian64(value, random.Next());
      from_->Put(kDefault, absl::StrFormat("k%05d", i), value);
    }
  }
  absl::StatusOr<SnapshotManifest> Install(const raft::Snapshot& snapshot) {
    return to_->service->installer().Install(
        DecodeSnapshotId(snapshot.data.view()).value(), {},
        [](const SnapshotManifest& manifest, engine::WriteBatch& batch) {
          batch.Put(kMeta, kRegionKey,
                    absl::StrFormat("%d|%d", manifest.id.position.term.value(),
                                    manifest.id.position.index.value()));
        });
  }

  DirectConnector connector_;
  std::unique_ptr<SnapshotStore> from_ = std::make_unique<SnapshotStore>(&connector_);
  std::unique_ptr<SnapshotStore> to_ = std::make_unique<SnapshotStore>(&connector_);
};

TEST_F(SnapshotTest, ARegionComesFromOneStoreToAnother) {
  from_->Put(kDefault, "a", "of another region");
  from_->Put(kDefault, "b", "1");
  from_->Put(kDefault, "c", "2");
  from_->Put(kWrite, "c", "w");
  from_->Put(kDefault, "y", "of another region");
  from_->SetApplied(3, 20);
  to_->Put(kDefault, "a", "stays");
  to_->Put(kDefault, "bb", "stale");
  to_->Put(kWrite, "d", "stale");

  EXPECT_EQ(from_->service->SnapshotFor(kRegion, Index(5)).status().code(),
            absl::StatusCode::kUnavailable);
  const raft::Snapshot snapshot = from_->Build(5);
  EXPECT_EQ(snapshot.meta.index, Index(20));
  EXPECT_EQ(snapshot.meta.term, Term(3));
  EXPECT_THAT(snapshot.meta.conf_state.voters, ElementsAre(PeerId(71), kTarget));

  EXPECT_EQ(to_->service->ReceivedState(snapshot).status().code(), absl::StatusCode::kNotFound);
  from_->Send(snapshot);
  Run();
  EXPECT_THAT(from_->reports, ElementsAre(true));
  ASSERT_THAT(to_->delivered, SizeIs(1));
  EXPECT_EQ(std::get<raft::InstallSnapshot>(to_->delivered[0].message.body).snapshot, snapshot);
  EXPECT_EQ(to_->service->ReceivedState(snapshot).value(), "state at 3|20");

  const auto manifest = Install(snapshot);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->range, (KeyRange{"b", "y"}));
  EXPECT_THAT(to_->Rows(kDefault), ElementsAre(Pair("a", "stays"), Pair("b", "1"), Pair("c", "2")));
  EXPECT_THAT(to_->Rows(kWrite), ElementsAre(Pair("c", "w")));
  EXPECT_THAT(to_->Rows(kMeta), ElementsAre(Pair(kRegionKey, "3|20")));
  to_->service->installer().Forget(manifest->id);
  EXPECT_EQ(to_->service->ReceivedState(snapshot).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SnapshotTest, ARegionWithoutDataHasASnapshotToo) {
  from_->SetApplied(1, 6);
  const raft::Snapshot snapshot = from_->Build();
  from_->Send(snapshot);
  Run();
  EXPECT_THAT(from_->reports, ElementsAre(true));
  EXPECT_THAT(to_->delivered, SizeIs(1));
  to_->Put(kDefault, "c", "stale");
  EXPECT_TRUE(Install(snapshot).ok());
  EXPECT_THAT(to_->Rows(kDefault), IsEmpty());
}

TEST_F(SnapshotTest, ABuiltSnapshotServesUntilALaterOneIsAskedFor) {
  from_->SetApplied(3, 20);
  const raft::Snapshot first = from_->Build(5);
  from_->SetApplied(3, 30);
  EXPECT_EQ(from_->Build(20), first);
  const raft::Snapshot second = from_->Build(21);
  EXPECT_EQ(second.meta.index, Index(30));
  EXPECT_EQ(from_->service->registry()
                .FindNewest(SnapshotKind::kBuilt, kRegion, Index(0))
                ->manifest.id.position.index,
            Index(30));
  // The message with the older one comes too late.
  from_->Send(first);
  EXPECT_THAT(from_->reports, ElementsAre(false));
}

TEST_F(SnapshotTest, ARegionThatIsNotThereIsTriedAgainLater) {
  EXPECT_EQ(from_->service->SnapshotFor(kRegion, Index(0)).status().code(),
            absl::StatusCode::kUnavailable);
  from_->scheduler.RunAllOnce();
  from_->SetApplied(3, 20);
  EXPECT_EQ(from_->service->SnapshotFor(kRegion, Index(0)).status().code(),
            absl::StatusCode::kUnavailable);
  from_->scheduler.RunAllOnce();
  EXPECT_FALSE(from_->service->SnapshotFor(kRegion, Index(0)).ok()) << "tried too soon";
  from_->clock.Advance(std::chrono::seconds(2));
  EXPECT_EQ(from_->Build().meta.index, Index(20));
}

TEST_F(SnapshotTest, WhatIsUnderWayIsBounded) {
  Fill(30);
  from_->SetApplied(3, 20);
  from_->Send(from_->Build());
  Run();
  EXPECT_THAT(from_->reports, ElementsAre(true));
  EXPECT_LE(connector_.max_under_way, SnapshotSenderOptions{}.max_messages_under_way);
  EXPECT_TRUE(Install(from_->Build()).ok());
  EXPECT_EQ(to_->Rows(kDefault), from_->Rows(kDefault));
}

TEST_F(SnapshotTest, ADamagedBlockIsRefusedAndNothingStays) {
  Fill(3);
  from_->SetApplied(3, 20);
  const raft::Snapshot snapshot = from_->Build();
  int chunks = 0;
  connector_.filter = [&chunks](SnapshotMessage& message) {
    auto* chunk = std::get_if<SnapshotChunk>(&message);
    if (chunk != nullptr && ++chunks == 2) chunk->data[77] ^= 1;
    return true;
  };
  from_->Send(snapshot);
  Run();
  EXPECT_THAT(from_->reports, ElementsAre(false));
  EXPECT_THAT(to_->delivered, IsEmpty());
  EXPECT_EQ(to_->service->registry().bytes(), 0);
  EXPECT_THAT(to_->files.List("snapshots").value(), IsEmpty());
  // The next attempt succeeds.
  from_->Send(snapshot);
  Run();
  EXPECT_THAT(from_->reports, ElementsAre(false, true));
}

TEST_F(SnapshotTest, DamageOfTheSendersFileIsFoundBeforeItIsSent) {
  Fill(3);
  from_->SetApplied(3, 20);
  const raft::Snapshot snapshot = from_->Build();
  const auto stored =
      from_->service->registry().FindNewest(SnapshotKind::kBuilt, kRegion, Index(0));
  from_->files.Corrupt(stored->PathOf(stored->manifest.files[0]), 2'000'000);
  from_->Send(snapshot);
  Run();
  EXPECT_THAT(from_->reports, ElementsAre(false));
  EXPECT_THAT(to_->delivered, IsEmpty());
}

TEST_F(SnapshotTest, ABrokenConnectionLeavesNothing) {
  Fill(3);
  from_->SetApplied(3, 20);
  int messages = 0;
  connector_.filter = [&messages](SnapshotMessage&) { return ++messages != 3; };
  from_->Send(from_->Build());
  Run();
  EXPECT_THAT(from_->reports, ElementsAre(false));
  EXPECT_THAT(to_->files.List("snapshots").value(), IsEmpty());
  EXPECT_EQ(to_->service->registry().bytes(), 0);
}

TEST_F(SnapshotTest, AMessageThatOffersSomethingElseIsRefused) {
  from_->SetApplied(3, 20);
  const raft::Snapshot snapshot = from_->Build();
  connector_.filter = [](SnapshotMessage& message) {
    if (auto* header = std::get_if<SnapshotHeader>(&message)) {
      header->envelope.region_id = RegionId(8);
    }
    return true;
  };
  from_->Send(snapshot);
  Run();
  EXPECT_THAT(from_->reports, ElementsAre(false));
  EXPECT_THAT(to_->delivered, IsEmpty());
}

TEST_F(SnapshotTest, ASnapshotThatWasReceivedBeforeIsNotSentTwice) {
  Fill(3);
  from_->SetApplied(3, 20);
  const raft::Snapshot snapshot = from_->Build();
  from_->Send(snapshot);
  Run();
  int chunks = 0;
  connector_.filter = [&chunks](SnapshotMessage& message) {
    if (std::holds_alternative<SnapshotChunk>(message)) ++chunks;
    return true;
  };
  from_->Send(snapshot);
  Run();
  EXPECT_THAT(from_->reports, ElementsAre(true, true));
  // Its message is delivered again: the first one may have been lost.
  EXPECT_THAT(to_->delivered, SizeIs(2));
  EXPECT_LE(chunks, 4);
}

TEST_F(SnapshotTest, TooManyAtOnceAreRefused) {
  SnapshotOptions options;
  options.registry.max_receiving = 1;
  MakeReceiver(options);
  from_->SetApplied(3, 20);
  Fill(3);
  const raft::Snapshot first = from_->Build();
  const auto draft = to_->service->registry().Begin(SnapshotKind::kReceived,
                                                    {RegionId(1), {Term(1), Index(1)}}, 1);
  ASSERT_TRUE(draft.ok());
  from_->Send(first);
  Run();
  EXPECT_THAT(from_->reports, ElementsAre(false));
}

TEST_F(SnapshotTest, AFullDiskRefusesAndCleansUp) {
  Fill(3);
  from_->SetApplied(3, 20);
  to_->files.SetCapacity(2 << 20);
  from_->Send(from_->Build());
  Run();
  EXPECT_THAT(from_->reports, ElementsAre(false));
  EXPECT_EQ(to_->files.TotalBytes(), 0);

  SnapshotOptions options;
  options.registry.max_bytes = 2 << 20;
  MakeReceiver(options);
  from_->Send(from_->Build());
  Run();
  EXPECT_THAT(from_->reports, ElementsAre(false, false));
  EXPECT_EQ(to_->files.TotalBytes(), 0);
}

TEST_F(SnapshotTest, AStalledSenderAndAStalledReceiverGiveUp) {
  Fill(3);
  from_->SetApplied(3, 20);
  from_->Send(from_->Build());
  // The first block gets through, and then nothing moves.
  for (int i = 0; i < 2; ++i) {
    from_->scheduler.RunAllOnce();
    connector_.Pump();
    to_->scheduler.RunAllOnce();
  }
  EXPECT_FALSE(to_->files.List("snapshots").value().empty());
  to_->clock.Advance(std::chrono::seconds(61));
  to_->scheduler.RunAllOnce();
  EXPECT_THAT(to_->files.List("snapshots").value(), IsEmpty());
  from_->scheduler.RunAllOnce();
  EXPECT_THAT(from_->reports, ElementsAre(false));

  from_->Send(from_->Build());
  from_->scheduler.RunAllOnce();
  from_->clock.Advance(std::chrono::seconds(31));
  from_->scheduler.RunAllOnce();
  EXPECT_THAT(from_->reports, ElementsAre(false, false));
}

TEST_F(SnapshotTest, TheRateOfSendingIsLimited) {
  SnapshotOptions options;
  options.sender.bytes_per_second = 1 << 20;
  MakeSender(options);
  Fill(5);
  from_->SetApplied(3, 20);
  from_->Send(from_->Build());
  int seconds = 0;
  while (from_->reports.empty() && seconds < 100) {
    Run();
    if (!from_->reports.empty()) break;
    from_->clock.Advance(std::chrono::seconds(1));
    ++seconds;
  }
  EXPECT_THAT(from_->reports, ElementsAre(true));
  EXPECT_GE(seconds, 4);
  EXPECT_LE(seconds, 7);
}

TEST_F(SnapshotTest, ReceivedSnapshotsSurviveARestartAndHalfMadeOnesDoNot) {
  Fill(2);
  from_->SetApplied(3, 20);
  const raft::Snapshot snapshot = from_->Build();
  from_->Send(snapshot);
  Run();
  auto draft = to_->service->registry().Begin(SnapshotKind::kReceived,
                                              {RegionId(1), {Term(1), Index(1)}}, 1);
  ASSERT_TRUE(draft.ok());
  EXPECT_THAT(to_->files.List("snapshots").value(), SizeIs(2));
  to_->files.Crash();
  draft->reset();
  to_->Open();
  EXPECT_THAT(to_->files.List("snapshots").value(), SizeIs(1));
  EXPECT_TRUE(to_->service->ReceivedState(snapshot).ok());
  EXPECT_TRUE(Install(snapshot).ok());

  // What was built is made again when it is asked for.
  from_->Open();
  EXPECT_THAT(from_->files.List("snapshots").value(), IsEmpty());
}

TEST_F(SnapshotTest, AnInstallationEndsWithAFlush) {
  Fill(2);
  from_->SetApplied(3, 20);
  const raft::Snapshot snapshot = from_->Build();
  from_->Send(snapshot);
  Run();
  to_->SetApplied(1, 5);
  to_->Put(kDefault, "bb", "stale");
  ASSERT_TRUE(Install(snapshot).ok());
  to_->engine.Crash();
  EXPECT_EQ(to_->Rows(kDefault), from_->Rows(kDefault));
  EXPECT_THAT(to_->Rows(kMeta), ElementsAre(Pair(kRegionKey, "3|20")));
}

TEST_F(SnapshotTest, AnInstallationIsRepeatedAfterACrashBeforeItsState) {
  Fill(2);
  from_->SetApplied(3, 20);
  const raft::Snapshot snapshot = from_->Build();
  from_->Send(snapshot);
  Run();
  to_->SetApplied(1, 5);
  to_->Put(kDefault, "bb", "stale");
  CHECK_OK(to_->engine.Flush());
  // The files are in, the state is not: what a crash between steps 3 and 4 leaves.
  const SnapshotId id = DecodeSnapshotId(snapshot.data.view()).value();
  ASSERT_TRUE(to_->service->installer()
                  .Install(id, {}, [](const SnapshotManifest&, engine::WriteBatch&) {})
                  .ok());
  to_->engine.Crash();
  EXPECT_THAT(to_->Rows(kMeta), ElementsAre(Pair(kRegionKey, "1|5")));
  ASSERT_TRUE(Install(snapshot).ok());
  EXPECT_THAT(to_->Rows(kMeta), ElementsAre(Pair(kRegionKey, "3|20")));
  EXPECT_EQ(to_->Rows(kDefault), from_->Rows(kDefault));
}

TEST_F(SnapshotTest, RangesThatTheRegionHeldBesidesAreDeletedToo) {
  from_->Put(kDefault, "c", "1");
  from_->SetApplied(3, 20);
  const raft::Snapshot snapshot = from_->Build();
  from_->Send(snapshot);
  Run();
  to_->Put(kDefault, "y1", "was the region's");
  to_->Put(kDefault, "z", "is not");
  const SnapshotId id = DecodeSnapshotId(snapshot.data.view()).value();
  ASSERT_TRUE(to_->service->installer()
                  .Install(id, {{"y", "z"}}, [](const SnapshotManifest&, engine::WriteBatch&) {})
                  .ok());
  EXPECT_THAT(to_->Rows(kDefault), ElementsAre(Pair("c", "1"), Pair("z", "is not")));
}

TEST_F(SnapshotTest, DamageOfAReceivedFileIsFoundBeforeAnythingIsDeleted) {
  Fill(2);
  from_->SetApplied(3, 20);
  const raft::Snapshot snapshot = from_->Build();
  from_->Send(snapshot);
  Run();
  to_->Put(kDefault, "bb", "old");
  const auto stored =
      to_->service->registry().FindNewest(SnapshotKind::kReceived, kRegion, Index(0));
  to_->files.Corrupt(stored->PathOf(stored->manifest.files[0]), 1'500'000);
  const auto installed = Install(snapshot);
  EXPECT_EQ(installed.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(installed.status().ToString(), HasSubstr("default.sst"));
  EXPECT_THAT(to_->Rows(kDefault), ElementsAre(Pair("bb", "old")));
}

TEST_F(SnapshotTest, InstallingWhatWasNotReceivedIsNotFound) {
  from_->SetApplied(3, 20);
  EXPECT_EQ(Install(from_->Build()).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace flotilla::store
