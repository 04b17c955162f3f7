#include "store/snapshot/receiver.h"

#include <atomic>
#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"

namespace flotilla::store {

namespace {

// The header's message must be the offer of the header's snapshot.
absl::Status CheckHeader(const SnapshotHeader& header) {
  const SnapshotId& id = header.manifest.id;
  const auto* offer = std::get_if<raft::InstallSnapshot>(&header.envelope.message.body);
  if (offer != nullptr && header.envelope.region_id == id.region_id &&
      offer->snapshot.meta.term == id.position.term &&
      offer->snapshot.meta.index == id.position.index &&
      offer->snapshot.data.view() == EncodeSnapshotId(id)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("snapshot %s came with a message that does not offer it", ToString(id)));
}

}  // namespace

struct SnapshotReceiver::Metrics {
  explicit Metrics(metrics::Registry* registry)
      : bytes(registry->AddCounter("flotilla_snapshot_received_bytes_total",
                                   "Bytes of snapshot files taken from the network")),
        received(registry->AddCounter("flotilla_snapshot_receives_total",
                                      "Snapshots received by outcome", {{"outcome", "ok"}})),
        failed(registry->AddCounter("flotilla_snapshot_receives_total",
                                    "Snapshots received by outcome", {{"outcome", "failed"}})),
        receiving(registry->AddGauge("flotilla_snapshot_receiving", "Snapshots on their way in")) {}
  metrics::Counter& bytes;
  metrics::Counter& received;
  metrics::Counter& failed;
  metrics::Gauge& receiving;
};

// The network's side of a stream: passes everything on to the stage.
class SnapshotReceiver::Stream final : public IncomingSnapshot,
                                       public std::enable_shared_from_this<Stream> {
 public:
  Stream(SnapshotReceiver* receiver, std::shared_ptr<IncomingSnapshotControl> control)
      : receiver_(receiver), control_(std::move(control)) {}

  bool HasRoom() const override { return waiting_ < receiver_->options_.max_messages_waiting; }
  void OnMessage(SnapshotMessage message) override {
    ++waiting_;
    receiver_->inbox_.PushCompletion(Event{shared_from_this(), std::move(message)});
  }
  void OnClosed() override {
    receiver_->inbox_.PushCompletion(Event{shared_from_this(), Closed{}});
  }

  // The stage has done with a message.
  void OnHandled() {
    --waiting_;
    control_->Wake();
  }
  void Answer(const absl::Status& status) { control_->Answer(status); }

 private:
  SnapshotReceiver* const receiver_;
  const std::shared_ptr<IncomingSnapshotControl> control_;
  std::atomic<size_t> waiting_{0};
};

// A snapshot on its way in.
class SnapshotReceiver::Transfer {
 public:
  Transfer(SnapshotHeader header, std::unique_ptr<SnapshotRegistry::Draft> draft, env::Instant now)
      : header(std::move(header)), draft(std::move(draft)), last_progress(now) {}

  // Writes a block. `complete` tells whether it was the last one of the last file.
  absl::Status Write(const SnapshotChunk& chunk, env::FileSystem& files);
  bool complete() const { return file == header.manifest.files.size(); }

  SnapshotHeader header;
  const std::unique_ptr<SnapshotRegistry::Draft> draft;
  env::Instant last_progress;

 private:
  // The next block.
  size_t file = 0;
  uint64_t offset = 0;
  uint64_t checksum = 0;
  std::unique_ptr<env::WritableFile> writer;
};

absl::Status SnapshotReceiver::Transfer::Write(const SnapshotChunk& chunk, env::FileSystem& files) {
  const std::string name = ToString(header.manifest.id);
  if (complete() || chunk.file != file || chunk.offset != offset) {
    return absl::InvalidArgumentError(
        absl::StrFormat("snapshot %s: a block of file %d at %d came, not the next one of file %d "
                        "at %d",
                        name, chunk.file, chunk.offset, file, offset));
  }
  const SnapshotFile& of = header.manifest.files[file];
  const uint64_t left = of.size_bytes - offset;
  if (chunk.data.size() != std::min(left, kSnapshotBlockBytes)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("snapshot %s: a block of %d bytes came with %d bytes of its file left",
                        name, chunk.data.size(), left));
  }
  checksum = BlockChecksum(checksum, chunk.data);
  const bool last = chunk.data.size() == left;
  if (checksum != chunk.checksum || (last && checksum != of.checksum)) {
    return absl::DataLossError(absl::StrFormat(
        "snapshot %s: a block of file %d at %d does not match its checksum", name, file, offset));
  }
  if (writer == nullptr) {
    ASSIGN_OR_RETURN(writer, files.NewWritableFile(draft->dir() + "/" + FileName(of)));
  }
  RETURN_IF_ERROR(writer->Append(chunk.data));
  offset += chunk.data.size();
  if (!last) return absl::OkStatus();
  RETURN_IF_ERROR(writer->Sync());
  writer.reset();
  ++file;
  offset = 0;
  checksum = 0;
  return absl::OkStatus();
}

SnapshotReceiver::SnapshotReceiver(const SnapshotReceiverOptions& options,
                                   SnapshotRegistry* registry, const env::Clock* clock,
                                   metrics::Registry* metrics, Deliver deliver)
    : options_(options),
      registry_(registry),
      clock_(clock),
      metrics_(std::make_unique<Metrics>(metrics)),
      deliver_(std::move(deliver)),
      inbox_(0) {}

SnapshotReceiver::~SnapshotReceiver() = default;

std::shared_ptr<IncomingSnapshot> SnapshotReceiver::Accept(
    std::shared_ptr<IncomingSnapshotControl> control) {
  return std::make_shared<Stream>(this, std::move(control));
}

bool SnapshotReceiver::RunOnce() {
  inbox_.TakeAll(taken_);
  const bool had_work = !taken_.empty();
  for (Event& event : taken_) Handle(event);
  taken_.clear();
  const env::Instant now = clock_->Now();
  std::vector<std::shared_ptr<Stream>> stalled;
  for (const auto& [stream, transfer] : transfers_) {
    if (now - transfer->last_progress >= options_.stall_timeout) stalled.push_back(stream);
  }
  for (const auto& stream : stalled) {
    End(stream, absl::DeadlineExceededError(absl::StrFormat(
                    "nothing came for %d s", options_.stall_timeout / std::chrono::seconds(1))));
  }
  metrics_->receiving.Set(static_cast<double>(transfers_.size()));
  return had_work;
}

std::optional<env::Instant> SnapshotReceiver::next_deadline() const {
  std::optional<env::Instant> next;
  for (const auto& [stream, transfer] : transfers_) {
    const env::Instant deadline = transfer->last_progress + options_.stall_timeout;
    if (!next || deadline < *next) next = deadline;
  }
  return next;
}

void SnapshotReceiver::Handle(Event& event) {
  if (std::holds_alternative<Closed>(event.what)) {
    // Whatever is not complete is removed with its draft.
    if (transfers_.erase(event.stream) > 0) metrics_->failed.Increment();
    return;
  }
  SnapshotMessage& message = std::get<SnapshotMessage>(event.what);
  if (auto* header = std::get_if<SnapshotHeader>(&message)) {
    OnHeader(event.stream, *header);
  } else {
    OnChunk(event.stream, std::get<SnapshotChunk>(message));
  }
  event.stream->OnHandled();
}

void SnapshotReceiver::OnHeader(const std::shared_ptr<Stream>& stream, SnapshotHeader& header) {
  if (transfers_.contains(stream)) {
    End(stream, absl::InvalidArgumentError("a second header of a snapshot came on a stream"));
    return;
  }
  const SnapshotId id = header.manifest.id;
  if (const absl::Status status = CheckHeader(header); !status.ok()) {
    metrics_->failed.Increment();
    stream->Answer(status);
    return;
  }
  if (registry_->Find(SnapshotKind::kReceived, id) != nullptr) {
    // It was received before, but its message may have been lost.
    deliver_(std::move(header.envelope));
    stream->Answer(absl::OkStatus());
    return;
  }
  auto draft = registry_->Begin(SnapshotKind::kReceived, id, header.manifest.TotalBytes());
  if (!draft.ok()) {
    metrics_->failed.Increment();
    stream->Answer(draft.status());
    return;
  }
  LOG_INFO("snapshot {} of {} bytes begins to come from store {}", ToString(id),
           header.manifest.TotalBytes(), header.envelope.from_store);
  const auto [it, added] = transfers_.emplace(
      stream, std::make_unique<Transfer>(std::move(header), *std::move(draft), clock_->Now()));
  CHECK(added);
  if (it->second->complete()) OnComplete(stream);
}

void SnapshotReceiver::OnChunk(const std::shared_ptr<Stream>& stream, const SnapshotChunk& chunk) {
  const auto it = transfers_.find(stream);
  // Of a stream that was answered already.
  if (it == transfers_.end()) return;
  Transfer& transfer = *it->second;
  transfer.last_progress = clock_->Now();
  metrics_->bytes.Increment(static_cast<double>(chunk.data.size()));
  const absl::Status written = transfer.Write(chunk, registry_->files());
  if (!written.ok()) {
    End(stream, written);
  } else if (transfer.complete()) {
    OnComplete(stream);
  }
}

void SnapshotReceiver::OnComplete(const std::shared_ptr<Stream>& stream) {
  Transfer& transfer = *transfers_.at(stream);
  const auto stored = transfer.draft->Commit(transfer.header.manifest);
  // The message only after the files are durable: the log may be reset to them as soon as it is
  // handed on.
  if (stored.ok()) deliver_(std::move(transfer.header.envelope));
  End(stream, stored.status());
}

void SnapshotReceiver::End(const std::shared_ptr<Stream>& stream, const absl::Status& status) {
  const auto it = transfers_.find(stream);
  CHECK(it != transfers_.end());
  const std::string name = ToString(it->second->header.manifest.id);
  transfers_.erase(it);
  if (status.ok()) {
    metrics_->received.Increment();
    LOG_INFO("snapshot {} is received", name);
  } else {
    metrics_->failed.Increment();
    LOG_WARN("snapshot {} is not received: {}", name, status.ToString());
  }
  stream->Answer(status);
}

}  // namespace flotilla::store
