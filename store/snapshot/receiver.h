// Takes snapshots from other stores: checks every block, writes the files, makes them durable, puts
// them into the registry and hands on the Raft message that came with them.
//
// Thread: the snapshot-receive stage, which blocks on the disk; Accept and the streams are called
// by the network. Place in the way of a snapshot: builder -> registry -> sender -> receiver ->
// installer.
#ifndef FLOTILLA_STORE_SNAPSHOT_RECEIVER_H_
#define FLOTILLA_STORE_SNAPSHOT_RECEIVER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "common/env/clock.h"
#include "common/env/inbox.h"
#include "common/env/stage.h"
#include "common/metrics/registry.h"
#include "common/net/envelope.h"
#include "store/snapshot/registry.h"
#include "store/snapshot/stream.h"

namespace flotilla::store {

struct SnapshotReceiverOptions {
  // Messages of one stream that wait to be written; each is at most a block.
  size_t max_messages_waiting = 4;
  // A stream on which nothing comes for so long is given up.
  env::Duration stall_timeout = std::chrono::seconds(60);
};

class SnapshotReceiver final : public env::Stage {
 public:
  // Gets the Raft message of a snapshot that is complete and in the registry.
  using Deliver = absl::AnyInvocable<void(net::Envelope)>;

  // All must outlive the receiver.
  SnapshotReceiver(const SnapshotReceiverOptions& options, SnapshotRegistry* registry,
                   const env::Clock* clock, metrics::Registry* metrics, Deliver deliver);
  ~SnapshotReceiver() override;

  void SetWaker(env::Waker* waker) { inbox_.SetWaker(waker); }

  // A store has opened a stream. The receiver must outlive the network's use of the result.
  std::shared_ptr<IncomingSnapshot> Accept(std::shared_ptr<IncomingSnapshotControl> control);

  std::string_view name() const override { return "snapshot-recv"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override;

 private:
  struct Metrics;
  class Stream;
  class Transfer;
  struct Closed {};
  struct Event {
    std::shared_ptr<Stream> stream;
    std::variant<SnapshotMessage, Closed> what;
  };

  void Handle(Event& event);
  void OnHeader(const std::shared_ptr<Stream>& stream, SnapshotHeader& header);
  void OnChunk(const std::shared_ptr<Stream>& stream, const SnapshotChunk& chunk);
  // All blocks are there.
  void OnComplete(const std::shared_ptr<Stream>& stream);
  // Answers, forgets the stream's transfer and with it whatever is not complete.
  void End(const std::shared_ptr<Stream>& stream, const absl::Status& status);

  const SnapshotReceiverOptions options_;
  SnapshotRegistry* const registry_;
  const env::Clock* const clock_;
  const std::unique_ptr<Metrics> metrics_;
  Deliver deliver_;
  env::Inbox<Event> inbox_;
  std::vector<Event> taken_;
  std::map<std::shared_ptr<Stream>, std::unique_ptr<Transfer>> transfers_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SNAPSHOT_RECEIVER_H_
