// Raft messages between stores over loopback.

#include "common/rpc/grpc_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "common/rpc/raft_codec.h"
#include "common/rpc/raft_receiver.h"
#include "flotilla/raft.pb.h"
#include "tests/common/rpc/loopback.h"

namespace flotilla::rpc {
namespace {

using ::testing::HasSubstr;

net::Envelope Message(uint64_t region, uint64_t to_store, std::string payload = "") {
  raft::AppendRequest append;
  append.entries.push_back(
      {Term(1), Index(1), raft::EntryType::kNormal, Bytes(std::move(payload))});
  net::Envelope envelope;
  envelope.region_id = RegionId(region);
  envelope.from_store = StoreId(1);
  envelope.to_store = StoreId(to_store);
  envelope.message = {PeerId(11), PeerId(12), Term(1), std::move(append)};
  return envelope;
}

class GrpcTransportTest : public ::testing::Test {
 protected:
  void StartReceiver(uint64_t store_id, uint64_t cluster_id = 7, ServerOptions options = {}) {
    server_ = std::make_unique<TestServer>(options);
    receiver_ = std::make_unique<RaftReceiver>(
        StoreId(store_id), ClusterId(cluster_id),
        [received = received_](net::Envelope envelope) {
          received.Update([&](auto& all) { all.push_back(std::move(envelope)); });
        },
        &server_->registry());
    server_->server().AddStream("flotilla.raft.v1.RaftTransport/Exchange", receiver_->acceptor());
    server_->Start();
    address_.Set(server_->address());
  }

  void StartTransport(GrpcTransportOptions options = {}) {
    options.store_id = StoreId(1);
    options.cluster_id = ClusterId(7);
    transport_ = std::make_unique<GrpcTransport>(
        options, &client_.loop(), &client_.pool(),
        [address = address_](StoreId store, auto done) {
          if (store == StoreId(2)) {
            std::move(done)(address.Get());
          } else {
            std::move(done)(absl::NotFoundError("no such store"));
          }
        },
        [unreachable = unreachable_](StoreId store) {
          unreachable.Update([&](auto& all) { all.push_back(store); });
        },
        &registry_);
  }

  bool WaitForReceived(size_t count) {
    return received_.WaitUntil([&](const auto& all) { return all.size() >= count; });
  }
  bool WaitForUnreachable(size_t count) {
    return unreachable_.WaitUntil([&](const auto& all) { return all.size() >= count; });
  }

  Box<std::vector<net::Envelope>> received_;
  Box<std::vector<StoreId>> unreachable_;
  Box<std::string> address_;
  std::unique_ptr<RaftReceiver> receiver_;
  std::unique_ptr<TestServer> server_;
  metrics::Registry registry_;
  TestClient client_;
  std::unique_ptr<GrpcTransport> transport_;
};

TEST_F(GrpcTransportTest, DeliversInOrderAndInBatches) {
  StartReceiver(2);
  StartTransport();
  constexpr size_t kMessages = 20'000;
  for (size_t i = 0; i < kMessages; ++i) {
    transport_->Send(Message(i + 1, 2, "payload " + std::to_string(i)));
  }
  ASSERT_TRUE(WaitForReceived(kMessages));
  const std::vector<net::Envelope> received = received_.Get();
  ASSERT_EQ(received.size(), kMessages);
  for (size_t i = 0; i < kMessages; ++i) {
    ASSERT_EQ(received[i].region_id, RegionId(i + 1));
    ASSERT_EQ(received[i].from_store, StoreId(1));
    ASSERT_EQ(received[i].to_store, StoreId(2));
    const auto& append = std::get<raft::AppendRequest>(received[i].message.body);
    ASSERT_EQ(append.entries[0].data.view(), "payload " + std::to_string(i));
  }
  EXPECT_THAT(registry_.ToText(), HasSubstr("flotilla_raft_messages_sent_total 20000"));
  EXPECT_TRUE(unreachable_.Get().empty());
}

TEST_F(GrpcTransportTest, UnknownStoreIsUnreachable) {
  StartReceiver(2);
  StartTransport();
  transport_->Send(Message(1, 3));
  ASSERT_TRUE(WaitForUnreachable(1));
  EXPECT_EQ(unreachable_.Get().front(), StoreId(3));
  transport_->Send(Message(1, 2));
  EXPECT_TRUE(WaitForReceived(1)) << "other stores are served";
}

TEST_F(GrpcTransportTest, StoreThatComesBackOnItsPortGetsMessagesAgain) {
  StartReceiver(2);
  StartTransport();
  transport_->Send(Message(1, 2));
  ASSERT_TRUE(WaitForReceived(1));
  ServerOptions options;
  options.listen_address = server_->address();
  server_->Stop(std::chrono::seconds(0));
  ASSERT_TRUE(WaitForUnreachable(1));
  StartReceiver(2, 7, options);
  const env::SystemClock clock;
  const env::Instant deadline = clock.Now() + kTestDeadline;
  while (received_.Get().size() < 2 && clock.Now() < deadline) transport_->Send(Message(2, 2));
  EXPECT_GE(received_.Get().size(), 2u);
}

TEST_F(GrpcTransportTest, FullQueueDropsAndReportsOnce) {
  GrpcTransportOptions options;
  options.max_queue_messages = 10;
  StartReceiver(2);
  address_.Set("127.0.0.1:1");
  StartTransport(options);
  // The first one makes the transport connect, in vain; then the queue fills up behind it.
  for (int i = 0; i < 1000; ++i) transport_->Send(Message(1, 2));
  ASSERT_TRUE(WaitForUnreachable(1));
  EXPECT_LE(unreachable_.Get().size(), 10u);
  EXPECT_THAT(registry_.ToText(), HasSubstr("flotilla_raft_messages_dropped_total"));
  EXPECT_THAT(registry_.ToText(),
              ::testing::Not(HasSubstr("flotilla_raft_messages_dropped_total 0")));
}

TEST_F(GrpcTransportTest, QueueIsBoundedByBytes) {
  GrpcTransportOptions options;
  options.max_queue_bytes = 1 << 20;
  StartReceiver(2);
  address_.Set("127.0.0.1:1");
  StartTransport(options);
  transport_->Send(Message(1, 2, std::string(2 << 20, 'x')));
  ASSERT_TRUE(WaitForUnreachable(1)) << "larger than the whole queue";
}

TEST_F(GrpcTransportTest, BatchForAnotherStoreIsNotDelivered) {
  // The address says store 2, but store 5 listens there now.
  StartReceiver(5);
  StartTransport();
  transport_->Send(Message(1, 2));
  ASSERT_TRUE(WaitForUnreachable(1));
  EXPECT_TRUE(received_.Get().empty());
  EXPECT_THAT(server_->registry().ToText(), HasSubstr("flotilla_raft_batches_misdirected_total 1"));
}

TEST_F(GrpcTransportTest, BatchFromAnotherClusterIsNotDelivered) {
  StartReceiver(2, /*cluster_id=*/8);
  StartTransport();
  transport_->Send(Message(1, 2));
  ASSERT_TRUE(WaitForUnreachable(1));
  EXPECT_TRUE(received_.Get().empty());
}

TEST_F(GrpcTransportTest, ABatchWithAFlippedBitIsNotDelivered) {
  StartReceiver(2);
  raft::v1::EnvelopeBatch batch;
  batch.set_to_store(2);
  batch.set_from_store(1);
  auto* envelope = batch.add_envelopes();
  envelope->set_region_id(5);
  envelope->mutable_message()->set_from(1);
  envelope->mutable_message()->set_to(2);
  envelope->mutable_message()->mutable_timeout_now();
  raft::v1::CheckedBatch sealed;
  SealBatch(batch, &sealed);
  for (size_t bit = 0; bit < sealed.batch().size() * 8; ++bit) {
    raft::v1::CheckedBatch damaged = sealed;
    (*damaged.mutable_batch())[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_TRUE(absl::IsDataLoss(receiver_->Deliver(damaged))) << bit;
  }
  EXPECT_TRUE(received_.Get().empty());
  EXPECT_TRUE(receiver_->Deliver(sealed).ok());
  EXPECT_EQ(received_.Get().size(), 1u);
}

TEST_F(GrpcTransportTest, MalformedEnvelopeIsDroppedAndTheRestDelivered) {
  StartReceiver(2);
  raft::v1::EnvelopeBatch batch;
  batch.set_to_store(2);
  batch.set_from_store(1);
  batch.add_envelopes()->set_region_id(4);
  auto* good = batch.add_envelopes();
  good->set_region_id(5);
  good->mutable_message()->set_from(1);
  good->mutable_message()->set_to(2);
  good->mutable_message()->mutable_timeout_now();
  raft::v1::CheckedBatch sealed;
  SealBatch(batch, &sealed);
  EXPECT_TRUE(receiver_->Deliver(sealed).ok());
  ASSERT_EQ(received_.Get().size(), 1u);
  EXPECT_EQ(received_.Get().front().region_id, RegionId(5));
  EXPECT_THAT(server_->registry().ToText(), HasSubstr("flotilla_raft_messages_malformed_total 1"));
}

// A receiver whose streams live and stand still, as behind a length in a frame that is wrong.
class Mute final : public TypedStreamHandler<raft::v1::CheckedBatch, raft::v1::ExchangeResponse> {
 public:
  bool ReadyToRead() override { return false; }
  bool EndsOnlyWhenQuiet() const override { return false; }
  void OnClosed(const absl::Status& /*status*/) override {}

 protected:
  void OnMessage(raft::v1::CheckedBatch* /*batch*/) override {}
  bool Fill(raft::v1::ExchangeResponse* /*response*/) override { return false; }
};

StallWatchOptions Impatient() {
  return {.timeout = std::chrono::milliseconds(200), .ask_interval = std::chrono::milliseconds(20)};
}

TEST_F(GrpcTransportTest, AStreamThatStandsStillIsBrokenWithItsConnection) {
  server_ = std::make_unique<TestServer>();
  Box<std::vector<std::string>> peers;
  receiver_ = std::make_unique<RaftReceiver>(
      StoreId(2), ClusterId(7),
      [received = received_](net::Envelope envelope) {
        received.Update([&](auto& all) { all.push_back(std::move(envelope)); });
      },
      &server_->registry());
  server_->server().AddStream(
      "flotilla.raft.v1.RaftTransport/Exchange",
      [peers, working = receiver_->acceptor()](
          std::shared_ptr<StreamControl> control) -> std::shared_ptr<StreamHandler> {
        peers.Update([&](auto& all) { all.push_back(control->peer()); });
        if (peers.Get().size() < 3) return std::make_shared<Mute>();
        return working(std::move(control));
      });
  server_->Start();
  address_.Set(server_->address());
  GrpcTransportOptions options;
  options.stall = Impatient();
  StartTransport(options);
  const env::SystemClock clock;
  const env::Instant deadline = clock.Now() + kTestDeadline;
  while (received_.Get().empty() && clock.Now() < deadline) {
    transport_->Send(Message(1, 2));
    (void)peers.WaitUntil([&](const auto& all) { return !all.empty(); });
  }
  ASSERT_FALSE(received_.Get().empty());
  const std::vector<std::string> seen = peers.Get();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_NE(seen[0], seen[1]) << "on a connection of its own";
  EXPECT_NE(seen[1], seen[2]);
  EXPECT_THAT(registry_.ToText(), HasSubstr("flotilla_raft_streams_stalled_total 2"));
}

TEST_F(GrpcTransportTest, AStreamThatMovesIsKept) {
  StartReceiver(2);
  GrpcTransportOptions options;
  options.stall = Impatient();
  options.stall.timeout = std::chrono::seconds(2);
  StartTransport(options);
  const env::SystemClock clock;
  const env::Instant end = clock.Now() + 2 * options.stall.timeout;
  size_t sent = 0;
  while (clock.Now() < end) {
    transport_->Send(Message(++sent, 2));
    ASSERT_TRUE(WaitForReceived(sent)) << "nothing was lost, for the stream never broke";
  }
  EXPECT_THAT(registry_.ToText(), HasSubstr("flotilla_raft_streams_stalled_total 0"));
  EXPECT_TRUE(unreachable_.Get().empty());
}

TEST_F(GrpcTransportTest, StopAndForgetCloseStreams) {
  StartReceiver(2);
  StartTransport();
  transport_->Send(Message(1, 2));
  ASSERT_TRUE(WaitForReceived(1));
  transport_->Forget(StoreId(2));
  transport_->Send(Message(2, 2));
  ASSERT_TRUE(WaitForReceived(2)) << "a later message connects anew";
  transport_->Stop();
  transport_->Send(Message(3, 2));
  EXPECT_EQ(received_.Get().size(), 2u);
}

}  // namespace
}  // namespace flotilla::rpc
