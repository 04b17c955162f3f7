// A snapshot over loopback: real streams, real threads, real files.
#include "store/snapshot/grpc_snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/env/memory_file_system.h"
#include "common/env/thread_scheduler.h"
#include "store/snapshot/file_checksum.h"
#include "store/snapshot/receiver.h"
#include "store/snapshot/registry.h"
#include "store/snapshot/sender.h"
#include "tests/common/rpc/loopback.h"

namespace flotilla::store {
namespace {

using ::testing::HasSubstr;

constexpr SnapshotId kId{RegionId(7), {Term(3), Index(20)}};

class GrpcSnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    to_registry_ = SnapshotRegistry::Open({.root = "to"}, &files_, &clock_, &metrics_).value();
    from_registry_ = SnapshotRegistry::Open({.root = "from"}, &files_, &clock_, &metrics_).value();
    receiver_ = std::make_unique<SnapshotReceiver>(
        SnapshotReceiverOptions{}, to_registry_.get(), &clock_, &metrics_,
        [delivered = delivered_](net::Envelope envelope) { delivered.Set(std::move(envelope)); });
    receiver_->SetWaker(scheduler_.Add(receiver_.get()));
    connector_ = std::make_unique<GrpcSnapshotConnector>(
        SnapshotOrigin{StoreId(1), ClusterId(9)}, &client_.loop(), &client_.pool(),
        [address = address_](StoreId store, auto done) {
          if (store == StoreId(3)) {
            std::move(done)(absl::NotFoundError("no such store"));
          } else {
            std::move(done)(address.Get());
          }
        });
    sender_ = std::make_unique<SnapshotSender>(SnapshotSenderOptions{}, &files_, connector_.get(),
                                               &clock_, &metrics_);
    sender_->SetWaker(scheduler_.Add(sender_.get()));
    scheduler_.Start();
  }
  void TearDown() override {
    server_.Stop(std::chrono::seconds(0));
    scheduler_.Stop();
  }

  void StartServer(uint64_t cluster_id) {
    server_.server().AddStream(
        kSnapshotMethod, SnapshotAcceptor({StoreId(2), ClusterId(cluster_id)},
                                          [this](std::shared_ptr<IncomingSnapshotControl> control) {
                                            return receiver_->Accept(std::move(control));
                                          }));
    server_.Start();
    address_.Set(server_.address());
  }
  // A snapshot whose only file has `bytes` bytes.
  StoredSnapshotPtr Make(uint64_t bytes) {
    auto draft = from_registry_->Begin(SnapshotKind::kBuilt, kId, bytes).value();
    SnapshotManifest manifest{.id = kId, .range = {"a", "b"}, .state = "s", .files = {}};
    SnapshotFile file;
    file.size_bytes = bytes;
    const std::string path = draft->dir() + "/" + FileName(file);
    std::string data(bytes, 'x');
    for (size_t i = 0; i < bytes; i += 1000) data[i] = static_cast<char>(i / 1000);
    CHECK_OK(env::WriteFileAtomically(files_, path, data));
    file.checksum = FileChecksum(files_, path, bytes).value();
    manifest.files.push_back(file);
    return draft->Commit(manifest).value();
  }
  absl::Status Send(StoredSnapshotPtr snapshot, StoreId to) {
    net::Envelope envelope;
    envelope.region_id = kId.region_id;
    envelope.from_store = StoreId(1);
    envelope.to_store = to;
    raft::InstallSnapshot offer;
    offer.snapshot.meta.term = kId.position.term;
    offer.snapshot.meta.index = kId.position.index;
    offer.snapshot.meta.conf_state.voters = {PeerId(11), PeerId(12)};
    offer.snapshot.data = Bytes(EncodeSnapshotId(kId));
    envelope.message = {PeerId(11), PeerId(12), Term(3), offer};
    rpc::Box<std::optional<absl::Status>> outcome;
    sender_->Send(std::move(snapshot), std::move(envelope),
                  [outcome](const absl::Status& status) { outcome.Set(status); });
    EXPECT_TRUE(outcome.WaitUntil([](const auto& status) { return status.has_value(); }));
    return outcome.Get().value_or(absl::UnknownError("no outcome"));
  }

  env::SystemClock clock_;
  metrics::Registry metrics_;
  env::MemoryFileSystem files_;
  env::ThreadScheduler scheduler_{&clock_};
  rpc::Box<std::optional<net::Envelope>> delivered_;
  rpc::Box<std::string> address_;
  rpc::TestServer server_;
  std::unique_ptr<SnapshotRegistry> to_registry_;
  std::unique_ptr<SnapshotRegistry> from_registry_;
  std::unique_ptr<SnapshotReceiver> receiver_;
  rpc::TestClient client_;
  std::unique_ptr<GrpcSnapshotConnector> connector_;
  std::unique_ptr<SnapshotSender> sender_;
};

TEST_F(GrpcSnapshotTest, ComesWholeAndWithItsMessage) {
  StartServer(9);
  const StoredSnapshotPtr snapshot = Make(20'000'000);
  const absl::Status sent = Send(snapshot, StoreId(2));
  EXPECT_TRUE(sent.ok()) << sent;
  const StoredSnapshotPtr received = to_registry_->Find(SnapshotKind::kReceived, kId);
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->manifest, snapshot->manifest);
  const SnapshotFile& file = received->manifest.files[0];
  EXPECT_EQ(FileChecksum(files_, received->PathOf(file), file.size_bytes).value(), file.checksum);
  const auto delivered = delivered_.Get();
  ASSERT_TRUE(delivered.has_value());
  const auto& offer = std::get<raft::InstallSnapshot>(delivered->message.body);
  EXPECT_EQ(offer.snapshot.meta.index, kId.position.index);
  EXPECT_EQ(delivered->from_store, StoreId(1));
}

TEST_F(GrpcSnapshotTest, AnotherStoreOrClusterRefusesIt) {
  StartServer(10);
  const absl::Status other_cluster = Send(Make(3'000'000), StoreId(2));
  EXPECT_EQ(other_cluster.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(other_cluster.ToString(), HasSubstr("cluster 9, this is cluster 10"));
  const auto snapshot = from_registry_->Find(SnapshotKind::kBuilt, kId);
  const absl::Status other_store = Send(snapshot, StoreId(4));
  EXPECT_THAT(other_store.ToString(), HasSubstr("for store 4, this is store 2"));
}

TEST_F(GrpcSnapshotTest, AStoreThatCannotBeReachedIsToldApart) {
  const StoredSnapshotPtr snapshot = Make(3'000'000);
  EXPECT_EQ(Send(snapshot, StoreId(3)).code(), absl::StatusCode::kNotFound);
  address_.Set("127.0.0.1:1");
  EXPECT_EQ(Send(snapshot, StoreId(2)).code(), absl::StatusCode::kUnavailable);
  server_.Start();
}

}  // namespace
}  // namespace flotilla::store
