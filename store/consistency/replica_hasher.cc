#include "store/consistency/replica_hasher.h"

#include <iterator>
#include <string>
#include <utility>

#include "common/base/checksum.h"
#include "common/base/coding.h"
#include "common/base/log.h"

namespace flotilla::store {
namespace {

// Read in one RunOnce.
constexpr uint64_t kPieceBytes = 256 << 10;

// Both lengths stand before the bytes: no two different sets of pairs are the same stream.
void AddPair(Xxh3Stream& hash, std::string_view key, std::string_view value) {
  std::string lengths;
  PutVarint64(lengths, key.size());
  PutVarint64(lengths, value.size());
  hash.Add(lengths);
  hash.Add(key);
  hash.Add(value);
}

// The region as its members know it. Which of the peers this is differs from replica to replica.
void AddRegion(Xxh3Stream& hash, const metapb::Region& region) {
  AddPair(hash, region.start_key(), region.end_key());
  std::string rest;
  PutBigEndian64(rest, region.region_epoch().version());
  PutBigEndian64(rest, region.region_epoch().conf_ver());
  for (const metapb::Peer& peer : region.peers()) {
    PutBigEndian64(rest, peer.id());
    PutBigEndian64(rest, peer.store_id());
    PutVarint64(rest, static_cast<uint64_t>(peer.role()));
  }
  hash.Add(rest);
}

}  // namespace

struct ReplicaHasher::Metrics {
  explicit Metrics(metrics::Registry* registry)
      : bytes(registry->AddCounter("flotilla_consistency_hashed_bytes_total",
                                   "Keys and values that were read to compare replicas")),
        busy(registry->AddCounter("flotilla_consistency_hashes_refused_total",
                                  "Replicas that were not hashed, because too many waited")) {}
  metrics::Counter& bytes;
  metrics::Counter& busy;
};

// One task under way: column family after column family.
class ReplicaHasher::Run {
 public:
  Run(const engine::KvEngine* engine, HashTask task) : engine_(engine), task_(std::move(task)) {
    AddRegion(hash_, task_.region.meta());
    Open();
  }

  const HashTask& task() const { return task_; }
  bool done() const { return iterator_ == nullptr; }
  // REQUIRES: not done. Returns the bytes that it read.
  uint64_t ReadPiece() {
    uint64_t bytes = 0;
    while (iterator_->Valid() && bytes < kPieceBytes) {
      AddPair(hash_, iterator_->key(), iterator_->value());
      bytes += iterator_->key().size() + iterator_->value().size();
      ++keys_;
      iterator_->Next();
    }
    if (iterator_->Valid()) return bytes;
    status_ = iterator_->status();
    iterator_ = nullptr;
    ++family_;
    if (status_.ok()) Open();
    return bytes;
  }
  HashReport Result() const {
    if (!status_.ok()) {
      LOG_WARN("region {} peer {} could not be hashed: {}", task_.self.region_id,
               task_.self.peer_id, status_.ToString());
    }
    return {task_.command.check_id, task_.at, status_.ok(), hash_.Digest(), keys_};
  }

 private:
  void Open() {
    if (family_ == std::size(engine::kDataColumnFamilies)) return;
    const engine::ColumnFamily cf = engine::kDataColumnFamilies[family_];
    hash_.Add(std::string(1, static_cast<char>(cf)));
    iterator_ = engine_->NewIterator(
        cf, {.snapshot = task_.view.get(), .bounds = task_.region.range(), .fill_cache = false});
    iterator_->SeekToFirst();
  }

  const engine::KvEngine* const engine_;
  const HashTask task_;
  Xxh3Stream hash_;
  size_t family_ = 0;
  uint64_t keys_ = 0;
  absl::Status status_;
  std::unique_ptr<engine::Iterator> iterator_;
};

ReplicaHasher::ReplicaHasher(const engine::KvEngine* engine, const env::Clock* clock,
                             metrics::Registry* metrics, uint64_t bytes_per_second, Answer answer)
    : engine_(engine),
      clock_(clock),
      metrics_(std::make_unique<Metrics>(metrics)),
      answer_(std::move(answer)),
      inbox_(kMaxTasks),
      rate_(bytes_per_second) {}

ReplicaHasher::~ReplicaHasher() = default;

bool ReplicaHasher::Reserve() {
  if (reserved_.fetch_add(1) < kMaxTasks) return true;
  reserved_.fetch_sub(1);
  return false;
}

void ReplicaHasher::TakeNew() {
  inbox_.TakeAll(taken_);
  for (HashTask& task : taken_) {
    if (task.view != nullptr) {
      waiting_.push_back(std::move(task));
      continue;
    }
    metrics_->busy.Increment();
    answer_(task, {.check_id = task.command.check_id, .at = task.at});
  }
  taken_.clear();
}

bool ReplicaHasher::RunOnce() {
  TakeNew();
  if (run_ == nullptr) {
    if (waiting_.empty()) return false;
    run_ = std::make_unique<Run>(engine_, std::move(waiting_.front()));
    waiting_.pop_front();
  }
  const env::Instant now = clock_->Now();
  if (!rate_.MayPass(now)) return false;
  const uint64_t bytes = run_->ReadPiece();
  rate_.OnPassed(bytes, now);
  metrics_->bytes.Increment(static_cast<double>(bytes));
  if (run_->done()) Finish(run_->Result());
  return true;
}

void ReplicaHasher::Finish(HashReport report) {
  const std::unique_ptr<Run> run = std::move(run_);
  answer_(run->task(), report);
  reserved_.fetch_sub(1);
}

std::optional<env::Instant> ReplicaHasher::next_deadline() const {
  if (run_ == nullptr && waiting_.empty()) return std::nullopt;
  return rate_.next();
}

}  // namespace flotilla::store
