#include "store/snapshot/sender.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"

namespace flotilla::store {

struct SnapshotSender::Metrics {
  explicit Metrics(metrics::Registry* registry)
      : bytes(registry->AddCounter("flotilla_snapshot_sent_bytes_total",
                                   "Bytes of snapshot files given to the network")),
        sent(registry->AddCounter("flotilla_snapshot_sends_total", "Snapshots sent by outcome",
                                  {{"outcome", "ok"}})),
        failed(registry->AddCounter("flotilla_snapshot_sends_total", "Snapshots sent by outcome",
                                    {{"outcome", "failed"}})),
        sending(registry->AddGauge("flotilla_snapshot_sending", "Snapshots on their way out")),
        waiting(registry->AddGauge("flotilla_snapshot_sends_waiting",
                                   "Snapshots that wait to be sent")) {}
  metrics::Counter& bytes;
  metrics::Counter& sent;
  metrics::Counter& failed;
  metrics::Gauge& sending;
  metrics::Gauge& waiting;
};

// One snapshot on its way. Its handler's part is shared with the network's threads.
class SnapshotSender::Transfer {
 public:
  // What the network tells.
  class Handler final : public OutgoingSnapshotHandler {
   public:
    explicit Handler(env::Waker* waker) : waker_(waker) {}
    void OnSent() override {
      MutexLock lock(mutex_);
      ++sent_;
      if (waker_ != nullptr) waker_->Wake();
    }
    void OnClosed(const absl::Status& answer) override {
      MutexLock lock(mutex_);
      answer_ = answer;
      if (waker_ != nullptr) waker_->Wake();
    }
    // The stage does not listen any more: the network may outlive it.
    void Detach() {
      MutexLock lock(mutex_);
      waker_ = nullptr;
    }
    uint64_t sent() {
      MutexLock lock(mutex_);
      return sent_;
    }
    std::optional<absl::Status> answer() {
      MutexLock lock(mutex_);
      return answer_;
    }

   private:
    Mutex mutex_;
    env::Waker* waker_ ABSL_GUARDED_BY(mutex_);
    uint64_t sent_ ABSL_GUARDED_BY(mutex_) = 0;
    std::optional<absl::Status> answer_ ABSL_GUARDED_BY(mutex_);
  };

  explicit Transfer(Task task) : task(std::move(task)) {}
  ~Transfer() {
    if (handler != nullptr) handler->Detach();
    if (stream != nullptr) stream->Cancel();
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // True when all blocks were given to the stream.
  bool AllGiven() const { return file == task.snapshot->manifest.files.size(); }

  Task task;
  std::shared_ptr<Handler> handler;
  std::shared_ptr<OutgoingSnapshot> stream;
  uint64_t given = 0;  // Messages.
  uint64_t seen_sent = 0;
  env::Instant last_progress;
  // The next block.
  size_t file = 0;
  uint64_t offset = 0;
  uint64_t checksum = 0;
  std::unique_ptr<env::ReadableFile> reader;
};

SnapshotSender::SnapshotSender(const SnapshotSenderOptions& options, env::FileSystem* files,
                               SnapshotConnector* connector, const env::Clock* clock,
                               metrics::Registry* metrics)
    : options_(options),
      files_(files),
      connector_(connector),
      clock_(clock),
      metrics_(std::make_unique<Metrics>(metrics)),
      inbox_(options.max_waiting),
      rate_limit_(options.bytes_per_second) {}

SnapshotSender::~SnapshotSender() = default;

void SnapshotSender::SetWaker(env::Waker* waker) {
  waker_ = waker;
  inbox_.SetWaker(waker);
}

void SnapshotSender::Send(StoredSnapshotPtr snapshot, net::Envelope envelope, Done done) {
  CHECK(snapshot != nullptr);
  Task task{std::move(snapshot), std::move(envelope), std::move(done)};
  if (inbox_.TryPush(std::move(task))) return;
  metrics_->failed.Increment();
  std::move(task.done)(absl::ResourceExhaustedError(
      absl::StrFormat("snapshot %s: %d snapshots wait to be sent already",
                      ToString(task.snapshot->manifest.id), options_.max_waiting)));
}

bool SnapshotSender::RunOnce() {
  inbox_.TakeAll(taken_);
  for (Task& task : taken_) waiting_.push_back(std::move(task));
  taken_.clear();
  StartWaiting();
  bool more = false;
  for (const auto& transfer : transfers_) more |= Advance(*transfer);
  std::erase_if(transfers_, [](const auto& transfer) { return transfer->task.done == nullptr; });
  metrics_->sending.Set(static_cast<double>(transfers_.size()));
  metrics_->waiting.Set(static_cast<double>(waiting_.size()));
  return more || (!waiting_.empty() && transfers_.size() < options_.max_sending);
}

std::optional<env::Instant> SnapshotSender::next_deadline() const {
  std::optional<env::Instant> next;
  for (const auto& transfer : transfers_) {
    env::Instant deadline = transfer->last_progress + options_.stall_timeout;
    const bool has_room = transfer->given - transfer->seen_sent < options_.max_messages_under_way;
    if (has_room && !transfer->AllGiven()) deadline = std::min(deadline, rate_limit_.next());
    if (!next || deadline < *next) next = deadline;
  }
  return next;
}

void SnapshotSender::StartWaiting() {
  while (!waiting_.empty() && transfers_.size() < options_.max_sending) {
    auto transfer = std::make_unique<Transfer>(std::move(waiting_.front()));
    waiting_.pop_front();
    transfer->handler = std::make_shared<Transfer::Handler>(waker_);
    transfer->last_progress = clock_->Now();
    const net::Envelope& envelope = transfer->task.envelope;
    transfer->stream = connector_->Open(envelope.to_store, transfer->handler);
    transfer->stream->Send(SnapshotHeader{transfer->task.snapshot->manifest, envelope});
    transfer->given = 1;
    transfers_.push_back(std::move(transfer));
  }
}

bool SnapshotSender::Advance(Transfer& transfer) {
  if (const std::optional<absl::Status> answer = transfer.handler->answer()) {
    Finish(transfer, *answer);
    return false;
  }
  const env::Instant now = clock_->Now();
  const uint64_t sent = transfer.handler->sent();
  if (sent != transfer.seen_sent) transfer.last_progress = now;
  transfer.seen_sent = sent;
  if (now - transfer.last_progress >= options_.stall_timeout) {
    Finish(transfer,
           absl::DeadlineExceededError(absl::StrFormat(
               "nothing moved for %d s", options_.stall_timeout / std::chrono::seconds(1))));
    return false;
  }
  if (transfer.AllGiven() || transfer.given - sent >= options_.max_messages_under_way) return false;
  if (!rate_limit_.MayPass(now)) return false;
  const absl::StatusOr<uint64_t> bytes = SendBlock(transfer);
  if (!bytes.ok()) {
    Finish(transfer, bytes.status());
    return false;
  }
  rate_limit_.OnPassed(*bytes, now);
  metrics_->bytes.Increment(static_cast<double>(*bytes));
  return true;
}

absl::StatusOr<uint64_t> SnapshotSender::SendBlock(Transfer& transfer) {
  const StoredSnapshot& snapshot = *transfer.task.snapshot;
  const SnapshotFile& file = snapshot.manifest.files[transfer.file];
  const std::string path = snapshot.PathOf(file);
  if (transfer.reader == nullptr) {
    ASSIGN_OR_RETURN(transfer.reader, files_->NewReadableFile(path));
  }
  SnapshotChunk chunk;
  chunk.file = static_cast<uint32_t>(transfer.file);
  chunk.offset = transfer.offset;
  RETURN_IF_ERROR(transfer.reader->ReadAt(transfer.offset, kSnapshotBlockBytes, chunk.data));
  const uint64_t bytes = chunk.data.size();
  transfer.offset += bytes;
  transfer.checksum = BlockChecksum(transfer.checksum, chunk.data);
  chunk.checksum = transfer.checksum;
  const bool last = transfer.offset == file.size_bytes;
  // The receiver would find out too, after gigabytes perhaps.
  if (bytes == 0 || transfer.offset > file.size_bytes ||
      (last && transfer.checksum != file.checksum)) {
    return absl::DataLossError(absl::StrFormat("%s does not match its manifest", path));
  }
  transfer.stream->Send(std::move(chunk));
  ++transfer.given;
  if (last) {
    ++transfer.file;
    transfer.offset = 0;
    transfer.checksum = 0;
    transfer.reader.reset();
  }
  return bytes;
}

void SnapshotSender::Finish(Transfer& transfer, const absl::Status& status) {
  const SnapshotManifest& manifest = transfer.task.snapshot->manifest;
  if (status.ok()) {
    metrics_->sent.Increment();
    LOG_INFO("snapshot {} of {} bytes was sent to store {}", ToString(manifest.id),
             manifest.TotalBytes(), transfer.task.envelope.to_store);
  } else {
    metrics_->failed.Increment();
    LOG_WARN("snapshot {} could not be sent to store {}: {}", ToString(manifest.id),
             transfer.task.envelope.to_store, status.ToString());
  }
  std::exchange(transfer.task.done, nullptr)(status);
}

}  // namespace flotilla::store
