// What passes between two stores when a snapshot is sent, without the network that carries it.
//
// The sender opens a stream and gives it a SnapshotHeader and then the blocks of all files in the
// order of the manifest. The receiver answers once: with OK when everything is durable and the Raft
// message was handed on, or with the reason why not. grpc_snapshot_transport.h carries it over
// gRPC; tests pass it on directly.
#ifndef FLOTILLA_STORE_SNAPSHOT_STREAM_H_
#define FLOTILLA_STORE_SNAPSHOT_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "common/base/ids.h"
#include "common/net/envelope.h"
#include "store/snapshot/manifest.h"

namespace flotilla::store {

struct SnapshotHeader {
  SnapshotManifest manifest;
  // The Raft message that offers the snapshot, delivered by the receiver when it is complete.
  net::Envelope envelope;
};

struct SnapshotChunk {
  uint32_t file = 0;    // Place in the manifest's list.
  uint64_t offset = 0;  // A multiple of kSnapshotBlockBytes.
  std::string data;     // A whole block, or the file's last one.
  // BlockChecksum after this block.
  uint64_t checksum = 0;
};

using SnapshotMessage = std::variant<SnapshotHeader, SnapshotChunk>;

// --- The sender's end
// -----------------------------------------------------------------------------

// What the sender hears of its stream. Called on any thread, one call at a time; must not block.
class OutgoingSnapshotHandler {
 public:
  virtual ~OutgoingSnapshotHandler() = default;
  // The oldest message that Send took has left: there is room for another one.
  virtual void OnSent() = 0;
  // The last call: the receiver's answer, or why there will be none.
  virtual void OnClosed(const absl::Status& answer) = 0;
};

class OutgoingSnapshot {
 public:
  virtual ~OutgoingSnapshot() = default;
  // Never blocks; the sender keeps few messages under way. Dropped when the stream is closed.
  virtual void Send(SnapshotMessage message) = 0;
  // Ends the stream; OnClosed follows.
  virtual void Cancel() = 0;
};

class SnapshotConnector {
 public:
  virtual ~SnapshotConnector() = default;
  // Opens a stream; failures come by OnClosed, which may run before this returns. Thread-safe.
  virtual std::shared_ptr<OutgoingSnapshot> Open(
      StoreId to, std::shared_ptr<OutgoingSnapshotHandler> handler) = 0;
};

// --- The receiver's end
// ---------------------------------------------------------------------------

// What the receiver tells its stream. Thread-safe; must not block.
class IncomingSnapshotControl {
 public:
  virtual ~IncomingSnapshotControl() = default;
  // There is room for another message.
  virtual void Wake() = 0;
  // Answers, and ends the stream.
  virtual void Answer(const absl::Status& status) = 0;
};

// One stream at the receiver. Called by the network, one call at a time; does not block.
class IncomingSnapshot {
 public:
  virtual ~IncomingSnapshot() = default;
  // False: give it no message until the next Wake.
  virtual bool HasRoom() const = 0;
  virtual void OnMessage(SnapshotMessage message) = 0;
  // The stream ended, answered or not. The last call.
  virtual void OnClosed() = 0;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SNAPSHOT_STREAM_H_
