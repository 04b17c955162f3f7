// Sends snapshots to other stores: reads their files block by block and keeps a few blocks under
// way on each stream.
//
// Thread: the snapshot-send stage, which blocks on the disk; Send is thread-safe. Place in the way
// of a snapshot: progress -> builder -> registry -> sender -> receiver -> installer.
#ifndef FLOTILLA_STORE_SNAPSHOT_SENDER_H_
#define FLOTILLA_STORE_SNAPSHOT_SENDER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/env/clock.h"
#include "common/env/inbox.h"
#include "common/env/stage.h"
#include "common/metrics/registry.h"
#include "common/net/envelope.h"
#include "store/snapshot/rate_limit.h"
#include "store/snapshot/registry.h"
#include "store/snapshot/stream.h"

namespace flotilla::store {

struct SnapshotSenderOptions {
  // Snapshots on their way at once, and waiting for their turn.
  size_t max_sending = 4;
  size_t max_waiting = 256;
  // Messages handed to one stream that have not left yet; each is at most a block.
  size_t max_messages_under_way = 4;
  // All snapshots together; 0: no limit.
  uint64_t bytes_per_second = 0;
  // A stream on which nothing moves for so long is given up.
  env::Duration stall_timeout = std::chrono::seconds(30);
};

class SnapshotSender final : public env::Stage {
 public:
  // Hears the outcome of a Send, once, on this stage's thread (or the caller's, when it is refused
  // at once). Must not block.
  using Done = absl::AnyInvocable<void(const absl::Status&) &&>;

  // All must outlive the sender.
  SnapshotSender(const SnapshotSenderOptions& options, env::FileSystem* files,
                 SnapshotConnector* connector, const env::Clock* clock, metrics::Registry* metrics);
  ~SnapshotSender() override;

  void SetWaker(env::Waker* waker);

  // Sends the snapshot and, with it, the message that offers it, to `envelope.to_store`.
  // ResourceExhausted when too many wait.
  void Send(StoredSnapshotPtr snapshot, net::Envelope envelope, Done done);

  std::string_view name() const override { return "snapshot-send"; }
  // Moves every stream on by at most one block.
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override;

 private:
  struct Metrics;
  class Transfer;
  struct Task {
    StoredSnapshotPtr snapshot;
    net::Envelope envelope;
    Done done;
  };

  void StartWaiting();
  // Returns true when the transfer could do more at once.
  bool Advance(Transfer& transfer);
  // Reads the next block and gives it to the stream; returns its size.
  absl::StatusOr<uint64_t> SendBlock(Transfer& transfer);
  void Finish(Transfer& transfer, const absl::Status& status);

  const SnapshotSenderOptions options_;
  env::FileSystem* const files_;
  SnapshotConnector* const connector_;
  const env::Clock* const clock_;
  const std::unique_ptr<Metrics> metrics_;
  env::Waker* waker_ = nullptr;
  env::Inbox<Task> inbox_;
  std::vector<Task> taken_;
  std::deque<Task> waiting_;
  std::vector<std::unique_ptr<Transfer>> transfers_;
  RateLimit rate_limit_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SNAPSHOT_SENDER_H_
