#include "common/engine/memory_kv_engine.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/base/checksum.h"
#include "common/base/coding.h"
#include "common/base/status_macros.h"
#include "common/engine/memory_store.h"

namespace flotilla::engine {
namespace {

// A table file: rows as pairs of length-prefixed strings, then the XXH3 of them, big-endian.
constexpr size_t kTrailerBytes = 8;
constexpr uint64_t kMaxTableBytes = uint64_t{1} << 30;

class MemoryWriteBatch final : public WriteBatch {
 public:
  void Put(ColumnFamily cf, std::string_view key, std::string_view value) override {
    byte_size_ += key.size() + value.size();
    operations_.push_back(MemoryStore::Put{cf, std::string(key), std::string(value)});
  }
  void Delete(ColumnFamily cf, std::string_view key) override {
    byte_size_ += key.size();
    operations_.push_back(MemoryStore::Put{cf, std::string(key), std::nullopt});
  }
  void DeleteRange(ColumnFamily cf, const KeyRange& range) override {
    CHECK(!range.IsEmpty()) << "an empty range is deleted";
    byte_size_ += range.start.size() + range.end.size();
    operations_.push_back(MemoryStore::RangeDeletion{cf, range});
  }
  void Clear() override {
    operations_.clear();
    byte_size_ = 0;
  }
  size_t ByteSize() const override { return byte_size_; }
  bool empty() const override { return operations_.empty(); }

  const std::vector<MemoryStore::Operation>& operations() const { return operations_; }

 private:
  std::vector<MemoryStore::Operation> operations_;
  size_t byte_size_ = 0;
};

absl::StatusOr<MemoryStore::Rows> ReadTable(const env::FileSystem& files, const TableFile& file) {
  ASSIGN_OR_RETURN(const std::string data, env::ReadFile(files, file.path, kMaxTableBytes));
  const absl::Status malformed =
      absl::DataLossError(absl::StrFormat("table %s does not match its checksum", file.path));
  if (data.size() < kTrailerBytes) return malformed;
  std::string_view rest = std::string_view(data).substr(0, data.size() - kTrailerBytes);
  std::string_view trailer = std::string_view(data).substr(rest.size());
  uint64_t checksum = 0;
  if (!GetBigEndian64(trailer, checksum) || checksum != Xxh3(rest)) return malformed;
  MemoryStore::Rows rows;
  while (!rest.empty()) {
    std::string_view key;
    std::string_view value;
    if (!GetLengthPrefixed(rest, key) || !GetLengthPrefixed(rest, value)) return malformed;
    rows.emplace_back(key, value);
  }
  return rows;
}

}  // namespace

// A view of the store that stays open as long as it lives.
class MemoryKvEngine::View final : public Snapshot {
 public:
  explicit View(std::shared_ptr<MemoryStore> store)
      : store_(std::move(store)), sequence_(store_->OpenView()) {}
  ~View() override { store_->CloseView(sequence_); }
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  Sequence sequence() const { return sequence_; }

  static Sequence Of(const ReadOptions& options) {
    if (options.snapshot == nullptr) return kLatest;
    return static_cast<const View*>(options.snapshot)->sequence();
  }

 private:
  const std::shared_ptr<MemoryStore> store_;
  const Sequence sequence_;
};

class MemoryKvEngine::ViewIterator final : public Iterator {
 public:
  // Opens a view of its own when the options name none.
  ViewIterator(const MemoryKvEngine* engine, ColumnFamily cf, const ReadOptions& options)
      : engine_(engine),
        store_(engine->store_),
        cf_(cf),
        bounds_(options.bounds),
        own_view_(options.snapshot == nullptr ? std::make_unique<View>(store_) : nullptr),
        view_(own_view_ ? own_view_->sequence() : View::Of(options)) {}

  void SeekToFirst() override { Take(store_->Ascend(cf_, bounds_.start, false, bounds_, view_)); }
  void SeekToLast() override { Take(store_->Descend(cf_, std::nullopt, false, bounds_, view_)); }
  void Seek(std::string_view key) override {
    Take(store_->Ascend(cf_, key, false, bounds_, view_));
  }
  void SeekForPrev(std::string_view key) override {
    Take(store_->Descend(cf_, key, false, bounds_, view_));
  }
  void Next() override {
    CHECK(Valid());
    Take(store_->Ascend(cf_, at_->first, true, bounds_, view_));
  }
  void Prev() override {
    CHECK(Valid());
    Take(store_->Descend(cf_, at_->first, true, bounds_, view_));
  }
  bool Valid() const override { return at_.has_value(); }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return at_->second; }
  absl::Status status() const override { return engine_->Outcome(status_); }

 private:
  void Take(absl::StatusOr<std::optional<MemoryStore::KeyValue>> found) {
    status_ = found.status();
    at_ = found.ok() ? *std::move(found) : std::nullopt;
  }

  const MemoryKvEngine* const engine_;
  const std::shared_ptr<MemoryStore> store_;
  const ColumnFamily cf_;
  const KeyRange bounds_;
  const std::unique_ptr<View> own_view_;
  const Sequence view_;
  std::optional<MemoryStore::KeyValue> at_;
  absl::Status status_;
};

MemoryKvEngine::MemoryKvEngine(env::FileSystem* files, const MemoryKvOptions& options)
    : files_(files), options_(options), store_(std::make_shared<MemoryStore>()) {}

MemoryKvEngine::~MemoryKvEngine() = default;

std::unique_ptr<WriteBatch> MemoryKvEngine::NewBatch() {
  return std::make_unique<MemoryWriteBatch>();
}

absl::Status MemoryKvEngine::Write(WriteBatch& batch) {
  const uint64_t unflushed =
      store_->Apply(static_cast<const MemoryWriteBatch&>(batch).operations());
  if (unflushed > options_.flush_at_bytes) FlushAndTell();
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> MemoryKvEngine::Get(ColumnFamily cf,
                                                               std::string_view key,
                                                               const ReadOptions& options) const {
  auto found = store_->Get(cf, key, View::Of(options));
  if (!found.ok()) return Outcome(found.status());
  return found;
}

absl::StatusOr<bool> MemoryKvEngine::GetTo(ColumnFamily cf, std::string_view key,
                                           std::string& value, const ReadOptions& options) const {
  ASSIGN_OR_RETURN(const std::optional<std::string> found, Get(cf, key, options));
  if (!found) return false;
  value.append(*found);
  return true;
}

absl::StatusOr<std::optional<std::string>> MemoryKvEngine::GetFlushed(ColumnFamily cf,
                                                                      std::string_view key) const {
  auto found = store_->GetFlushed(cf, key);
  if (!found.ok()) return Outcome(found.status());
  return found;
}

absl::Status MemoryKvEngine::Outcome(const absl::Status& status) const {
  if (absl::IsDataLoss(status) && fail_stop_ != nullptr) fail_stop_->OnDiskFailure(status);
  return status;
}

std::shared_ptr<const Snapshot> MemoryKvEngine::NewSnapshot() const {
  return std::make_shared<View>(store_);
}

std::unique_ptr<Iterator> MemoryKvEngine::NewIterator(ColumnFamily cf,
                                                      const ReadOptions& options) const {
  return std::make_unique<ViewIterator>(this, cf, options);
}

absl::Status MemoryKvEngine::Flush() {
  FlushAndTell();
  return absl::OkStatus();
}

absl::Status MemoryKvEngine::StartFlush() { return Flush(); }

void MemoryKvEngine::FlushAndTell() {
  if (fails_next_flush_.exchange(false)) {
    store_->Freeze();
    env::StopForDisk(fail_stop_, absl::InternalError("data engine: a flush failed"));
    return;
  }
  store_->Flush();
  if (flush_listener_) flush_listener_();
}

uint64_t MemoryKvEngine::UnflushedBytes() const { return store_->UnflushedBytes(); }

void MemoryKvEngine::SetFlushListener(absl::AnyInvocable<void() const> listener) {
  flush_listener_ = std::move(listener);
}

absl::StatusOr<TableFile> MemoryKvEngine::ExportRange(const Snapshot& snapshot, ColumnFamily cf,
                                                      const KeyRange& range,
                                                      const std::string& path) const {
  TableFile table{.cf = cf, .path = path, .size_bytes = 0, .key_count = 0};
  std::string data;
  ReadOptions options;
  options.snapshot = &snapshot;
  options.bounds = range;
  ViewIterator it(this, cf, options);
  for (it.SeekToFirst(); it.Valid(); it.Next()) {
    PutLengthPrefixed(data, it.key());
    PutLengthPrefixed(data, it.value());
    ++table.key_count;
  }
  RETURN_IF_ERROR(it.status());
  if (table.key_count == 0) return table;
  PutBigEndian64(data, Xxh3(data));
  ASSIGN_OR_RETURN(const std::unique_ptr<env::WritableFile> file, files_->NewWritableFile(path));
  RETURN_IF_ERROR(file->Append(data));
  RETURN_IF_ERROR(file->Sync());
  table.size_bytes = data.size();
  return table;
}

absl::Status MemoryKvEngine::IngestFiles(const std::vector<TableFile>& files) {
  std::vector<std::pair<ColumnFamily, MemoryStore::Rows>> tables;
  for (const TableFile& file : files) {
    ASSIGN_OR_RETURN(MemoryStore::Rows rows, ReadTable(*files_, file));
    tables.emplace_back(file.cf, std::move(rows));
  }
  store_->Ingest(tables);
  return absl::OkStatus();
}

uint64_t MemoryKvEngine::ApproximateBytes(const KeyRange& range) const {
  return store_->Bytes(range);
}

size_t MemoryKvEngine::UnflushedWrites() const { return store_->UnflushedWrites(); }

std::vector<std::pair<ColumnFamily, std::string>> MemoryKvEngine::FlushedKeys() const {
  return store_->FlushedKeys();
}

void MemoryKvEngine::Damage(ColumnFamily cf, const std::string& key, uint64_t bit) {
  store_->Damage(cf, key, bit);
}

void MemoryKvEngine::Crash(size_t kept) { store_->Crash(kept); }

void MemoryKvEngine::CopyFlushed(const MemoryKvEngine& other) {
  store_->CopyFlushed(*other.store_);
}

}  // namespace flotilla::engine
