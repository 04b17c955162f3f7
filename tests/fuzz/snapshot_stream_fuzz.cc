// The messages of a snapshot's stream as another store may send them: decoded as the server does,
// given to the receiver in any order. Whatever becomes complete passes the checksums.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/engine/memory_kv_engine.h"
#include "common/rpc/raft_codec.h"
#include "flotilla/snapshot.pb.h"
#include "store/snapshot/grpc_snapshot.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/store/snapshot/snapshot_fixture.h"

namespace flotilla::fuzz {
namespace {

constexpr int kMaxMessages = 64;
using WireMessage = snapshot::v1::SnapshotMessage;

class AnsweredStream final : public rpc::StreamControl {
 public:
  void Wake() override {}
  void Close(absl::Status) override { closed = true; }
  std::string peer() const override { return "fuzz"; }
  bool closed = false;
};

WireMessage ToWire(const store::SnapshotMessage& message) {
  WireMessage wire;
  if (const auto* header = std::get_if<store::SnapshotHeader>(&message)) {
    wire.mutable_header()->set_cluster_id(7);
    wire.mutable_header()->set_from_store(1);
    wire.mutable_header()->set_to_store(2);
    wire.mutable_header()->set_manifest(store::EncodeManifest(header->manifest));
    rpc::EncodeEnvelope(header->envelope, wire.mutable_header()->mutable_envelope());
    return wire;
  }
  const auto& chunk = std::get<store::SnapshotChunk>(message);
  wire.mutable_chunk()->set_file(chunk.file);
  wire.mutable_chunk()->set_offset(chunk.offset);
  wire.mutable_chunk()->set_data(chunk.data);
  wire.mutable_chunk()->set_checksum(chunk.checksum);
  return wire;
}

// A small snapshot, as the messages that a store sends.
std::vector<WireMessage> SentMessages() {
  store::DirectConnector connector;
  store::SnapshotStore sender(&connector);
  store::SnapshotStore receiver(&connector);
  connector.SetReceiver([&](auto control) { return receiver.service->Accept(std::move(control)); });
  sender.Put(engine::ColumnFamily::kDefault, "c", "value");
  sender.SetApplied(3, 9);
  std::vector<WireMessage> sent;
  connector.filter = [&sent](store::SnapshotMessage& message) {
    sent.push_back(ToWire(message));
    return true;
  };
  sender.Send(sender.Build());
  for (int i = 0; i < 20; ++i) {
    sender.scheduler.RunAllOnce();
    connector.Pump();
    receiver.scheduler.RunAllOnce();
  }
  CHECK_EQ(receiver.delivered.size(), 1u);
  return sent;
}

class SnapshotStreamTarget final : public FuzzTarget {
 public:
  // Messages, each with its length; a length of 0 has the receiver work.
  void Run(std::string_view input) override {
    FuzzInput in(input);
    store::DirectConnector connector;
    store::SnapshotStore receiver(&connector);
    const auto control = std::make_shared<AnsweredStream>();
    const rpc::StreamAcceptor acceptor = store::SnapshotAcceptor(
        {StoreId(2), ClusterId(7)},
        [&](auto stream) { return receiver.service->Accept(std::move(stream)); });
    const auto stream = acceptor(control);
    for (int i = 0; i < kMaxMessages && !in.empty() && !control->closed; ++i) {
      WireMessage message;
      const std::string_view bytes = in.Piece();
      while (!stream->ReadyToRead() && receiver.scheduler.RunAllOnce()) {
      }
      if (bytes.empty()) {
        receiver.scheduler.RunAllOnce();
      } else if (stream->ReadyToRead() &&
                 message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        stream->OnIncoming(&message);
      }
    }
    stream->OnClosed(absl::OkStatus());
    while (receiver.scheduler.RunAllOnce()) {
    }
    for (const net::Envelope& envelope : receiver.delivered) {
      const auto* install = std::get_if<raft::InstallSnapshot>(&envelope.message.body);
      CHECK(install != nullptr);
      CHECK_OK(receiver.service->ReceivedState(install->snapshot).status());
    }
  }

  std::vector<std::string> Seeds() const override {
    const std::vector<WireMessage> sent = SentMessages();
    std::string whole;
    std::string twice;
    for (const WireMessage& message : sent) {
      const std::string piece = AsPiece(message.SerializeAsString());
      whole += piece;
      twice += piece + AsPiece("") + piece;
    }
    return {whole, twice, AsPiece(sent.back().SerializeAsString()) + whole};
  }
};

}  // namespace

std::unique_ptr<FuzzTarget> MakeSnapshotStreamTarget() {
  return std::make_unique<SnapshotStreamTarget>();
}

}  // namespace flotilla::fuzz
