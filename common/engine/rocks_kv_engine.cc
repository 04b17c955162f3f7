#include "common/engine/rocks_kv_engine.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/engine/rocks_directory.h"
#include "common/engine/rocks_listener.h"
#include "common/engine/rocks_options.h"
#include "common/engine/rocks_status.h"

namespace flotilla::engine {
namespace {

using Properties = rocksdb::DB::Properties;

constexpr const char* kFamilyNames[kColumnFamilyCount] = {"default", "lock", "write", "meta"};

// Greater than every key.
const std::string& EndOfKeys() {
  static const std::string end(kMaxKeyBytes + 1, '\xff');
  return end;
}

rocksdb::WriteOptions UnloggedWrite() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return options;
}

}  // namespace

class RocksKvEngine::Listener final : public RocksListener {
 public:
  using RocksListener::RocksListener;

  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo&) override {
    if (flush_listener_) flush_listener_();
  }
  void SetFlushListener(absl::AnyInvocable<void() const> listener) {
    flush_listener_ = std::move(listener);
  }

 private:
  absl::AnyInvocable<void() const> flush_listener_;
};

class RocksKvEngine::Batch final : public WriteBatch {
 public:
  explicit Batch(const RocksKvEngine* engine) : engine_(engine) {}

  void Put(ColumnFamily cf, std::string_view key, std::string_view value) override {
    CHECK_LE(key.size(), kMaxKeyBytes);
    CheckAdded(batch_.Put(engine_->handle(cf), ToSlice(key), ToSlice(value)));
  }
  void Delete(ColumnFamily cf, std::string_view key) override {
    CheckAdded(batch_.Delete(engine_->handle(cf), ToSlice(key)));
  }
  void DeleteRange(ColumnFamily cf, const KeyRange& range) override {
    CHECK(!range.IsEmpty()) << "an empty range is deleted";
    const std::string& end = range.end.empty() ? EndOfKeys() : range.end;
    CheckAdded(batch_.DeleteRange(engine_->handle(cf), range.start, end));
  }
  void Clear() override { batch_.Clear(); }
  size_t ByteSize() const override { return batch_.GetDataSize(); }
  bool empty() const override { return batch_.Count() == 0; }

  rocksdb::WriteBatch& rocks() { return batch_; }

 private:
  static void CheckAdded(const rocksdb::Status& status) { CHECK(status.ok()) << status.ToString(); }

  const RocksKvEngine* const engine_;
  rocksdb::WriteBatch batch_;
};

class RocksKvEngine::RocksSnapshot final : public Snapshot {
 public:
  explicit RocksSnapshot(rocksdb::DB* db) : db_(db), snapshot_(db->GetSnapshot()) {}
  ~RocksSnapshot() override { db_->ReleaseSnapshot(snapshot_); }
  RocksSnapshot(const RocksSnapshot&) = delete;
  RocksSnapshot& operator=(const RocksSnapshot&) = delete;

  static const rocksdb::Snapshot* Of(const Snapshot* snapshot) {
    if (snapshot == nullptr) return nullptr;
    return static_cast<const RocksSnapshot*>(snapshot)->snapshot_;
  }

 private:
  rocksdb::DB* const db_;
  const rocksdb::Snapshot* const snapshot_;
};

class RocksKvEngine::RocksIterator final : public Iterator {
 public:
  RocksIterator(const RocksKvEngine* engine, ColumnFamily cf, const ReadOptions& options)
      : engine_(engine), bounds_(options.bounds), lower_(bounds_.start), upper_(bounds_.end) {
    rocksdb::ReadOptions read;
    read.snapshot = RocksSnapshot::Of(options.snapshot);
    read.fill_cache = options.fill_cache;
    // Bounds let RocksDB pass over tables, and end a search in a deleted range, early.
    if (!bounds_.start.empty()) read.iterate_lower_bound = &lower_;
    if (!bounds_.end.empty()) read.iterate_upper_bound = &upper_;
    it_.reset(engine->db_->NewIterator(read, engine->handle(cf)));
  }

  void SeekToFirst() override { it_->SeekToFirst(); }
  void SeekToLast() override { it_->SeekToLast(); }
  void Seek(std::string_view key) override { it_->Seek(ToSlice(key)); }
  void SeekForPrev(std::string_view key) override { it_->SeekForPrev(ToSlice(key)); }
  void Next() override { it_->Next(); }
  void Prev() override { it_->Prev(); }
  bool Valid() const override { return it_->Valid(); }
  std::string_view key() const override { return FromSlice(it_->key()); }
  std::string_view value() const override { return FromSlice(it_->value()); }
  absl::Status status() const override {
    return engine_->OutcomeOf("data engine: scan", it_->status());
  }

 private:
  const RocksKvEngine* const engine_;
  const KeyRange bounds_;
  const rocksdb::Slice lower_;
  const rocksdb::Slice upper_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

absl::StatusOr<std::unique_ptr<RocksKvEngine>> RocksKvEngine::Open(const std::string& path,
                                                                   const RocksKvOptions& options) {
  RETURN_IF_ERROR(MakeDirectoryOutlive(options.env, path));
  auto listener = std::make_shared<Listener>("data", options.metrics, options.fail_stop);
  rocksdb::DBOptions db_options = MakeDbOptions(options);
  db_options.listeners.push_back(listener);
  // One object: the column families share the block cache.
  const rocksdb::ColumnFamilyOptions family_options = MakeColumnFamilyOptions(options);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const char* name : kFamilyNames) families.emplace_back(name, family_options);

  auto engine =
      std::unique_ptr<RocksKvEngine>(new RocksKvEngine(std::move(listener), options.fail_stop));
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  RETURN_IF_ERROR(FromRocks("open the data engine in " + path,
                            rocksdb::DB::Open(db_options, path, families, &handles, &db)));
  engine->db_.reset(db);
  std::copy(handles.begin(), handles.end(), engine->handles_.begin());
  return engine;
}

RocksKvEngine::RocksKvEngine(std::shared_ptr<Listener> listener, env::FailStop* fail_stop)
    : listener_(std::move(listener)), fail_stop_(fail_stop) {}

RocksKvEngine::~RocksKvEngine() {
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  const rocksdb::Status status = db_->Close();
  if (!status.ok()) LOG_ERROR("data engine: close: {}", status.ToString());
}

// RocksDB names the file that is damaged.
absl::Status RocksKvEngine::OutcomeOf(std::string_view what, const rocksdb::Status& status) const {
  absl::Status outcome = FromRocks(what, status);
  if (absl::IsDataLoss(outcome) && fail_stop_ != nullptr) fail_stop_->OnDiskFailure(outcome);
  return outcome;
}

std::unique_ptr<WriteBatch> RocksKvEngine::NewBatch() { return std::make_unique<Batch>(this); }

absl::Status RocksKvEngine::Write(WriteBatch& batch) {
  return FromRocks("data engine: write",
                   db_->Write(UnloggedWrite(), &static_cast<Batch&>(batch).rocks()));
}

absl::StatusOr<bool> RocksKvEngine::GetTo(ColumnFamily cf, std::string_view key, std::string& value,
                                          const ReadOptions& options) const {
  rocksdb::ReadOptions read;
  read.snapshot = RocksSnapshot::Of(options.snapshot);
  read.fill_cache = options.fill_cache;
  // Pinned: the value is copied once, from the block or memtable to its place.
  rocksdb::PinnableSlice pinned;
  const rocksdb::Status status = db_->Get(read, handle(cf), ToSlice(key), &pinned);
  if (status.IsNotFound()) return false;
  if (!status.ok()) {
    return OutcomeOf("data engine: read of key " + rocksdb::Slice(ToSlice(key)).ToString(true),
                     status);
  }
  value.append(pinned.data(), pinned.size());
  return true;
}

absl::StatusOr<std::optional<std::string>> RocksKvEngine::Get(ColumnFamily cf, std::string_view key,
                                                              const ReadOptions& options) const {
  std::string value;
  ASSIGN_OR_RETURN(const bool found, GetTo(cf, key, value, options));
  if (!found) return std::nullopt;
  return value;
}

absl::StatusOr<std::optional<std::string>> RocksKvEngine::GetFlushed(ColumnFamily cf,
                                                                     std::string_view key) const {
  rocksdb::ReadOptions read;
  // Skips the memtables: without a write-ahead log only tables are persisted.
  read.read_tier = rocksdb::kPersistedTier;
  std::string value;
  const rocksdb::Status status = db_->Get(read, handle(cf), ToSlice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return OutcomeOf("data engine: read of the flushed state", status);
  return value;
}

std::shared_ptr<const Snapshot> RocksKvEngine::NewSnapshot() const {
  return std::make_shared<RocksSnapshot>(db_.get());
}

std::unique_ptr<Iterator> RocksKvEngine::NewIterator(ColumnFamily cf,
                                                     const ReadOptions& options) const {
  return std::make_unique<RocksIterator>(this, cf, options);
}

absl::Status RocksKvEngine::Flush() { return StartOrWaitForFlush(true); }

absl::Status RocksKvEngine::StartFlush() { return StartOrWaitForFlush(false); }

absl::Status RocksKvEngine::StartOrWaitForFlush(bool wait) {
  rocksdb::FlushOptions options;
  options.wait = wait;
  // Even when writes have to wait for it: the caller needs the flush, not a free path.
  options.allow_write_stall = true;
  return FromRocks("data engine: flush", db_->Flush(options, {handles_.begin(), handles_.end()}));
}

uint64_t RocksKvEngine::UnflushedBytes() const {
  uint64_t bytes = 0;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    // An empty memtable has a size too.
    uint64_t active = 0;
    uint64_t flushing = 0;
    CHECK(db_->GetIntProperty(handle, Properties::kNumEntriesActiveMemTable, &active));
    CHECK(db_->GetIntProperty(handle, Properties::kNumEntriesImmMemTables, &flushing));
    if (active + flushing == 0) continue;
    uint64_t size = 0;
    CHECK(db_->GetIntProperty(handle, Properties::kCurSizeAllMemTables, &size));
    bytes += size;
  }
  return bytes;
}

void RocksKvEngine::SetFlushListener(absl::AnyInvocable<void() const> listener) {
  listener_->SetFlushListener(std::move(listener));
}

absl::StatusOr<TableFile> RocksKvEngine::ExportRange(const Snapshot& snapshot, ColumnFamily cf,
                                                     const KeyRange& range,
                                                     const std::string& path) const {
  TableFile table{.cf = cf, .path = path, .size_bytes = 0, .key_count = 0};
  ReadOptions read;
  read.snapshot = &snapshot;
  read.bounds = range;
  read.fill_cache = false;
  RocksIterator it(this, cf, read);
  it.SeekToFirst();
  if (!it.Valid()) {
    RETURN_IF_ERROR(it.status());
    return table;
  }
  const rocksdb::Options options(rocksdb::DBOptions(), db_->GetOptions(handle(cf)));
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options, handle(cf),
                                /*invalidate_page_cache=*/false);
  const std::string what = "data engine: export to " + path;
  RETURN_IF_ERROR(FromRocks(what, writer.Open(path)));
  for (; it.Valid(); it.Next()) {
    RETURN_IF_ERROR(FromRocks(what, writer.Put(ToSlice(it.key()), ToSlice(it.value()))));
    ++table.key_count;
  }
  RETURN_IF_ERROR(it.status());
  rocksdb::ExternalSstFileInfo info;
  RETURN_IF_ERROR(FromRocks(what, writer.Finish(&info)));
  table.size_bytes = info.file_size;
  return table;
}

absl::Status RocksKvEngine::IngestFiles(const std::vector<TableFile>& files) {
  // RocksDB unlinks what it moves, and an installation must be repeatable: it gets second names.
  bool linked = true;
  std::vector<std::string> links;
  for (const TableFile& file : files) {
    const std::string link = file.path + ".ingest";
    ::unlink(link.c_str());
    linked = linked && ::link(file.path.c_str(), link.c_str()) == 0;
    links.push_back(link);
  }
  std::vector<rocksdb::IngestExternalFileArg> arguments;
  for (const ColumnFamily cf : kDataColumnFamilies) {
    rocksdb::IngestExternalFileArg argument;
    argument.column_family = handle(cf);
    argument.options.move_files = linked;
    argument.options.failed_move_fall_back_to_copy = true;
    argument.options.verify_checksums_before_ingest = true;
    // The number of a file's keys stays in the manifest: the file keeps its checksum.
    argument.options.write_global_seqno = false;
    for (size_t i = 0; i < files.size(); ++i) {
      CHECK(files[i].cf != ColumnFamily::kMeta) << files[i].path << ": states are not taken in";
      if (files[i].cf == cf) argument.external_files.push_back(linked ? links[i] : files[i].path);
    }
    if (!argument.external_files.empty()) arguments.push_back(std::move(argument));
  }
  rocksdb::Status status;
  if (!arguments.empty()) status = db_->IngestExternalFiles(arguments);
  for (const std::string& link : links) ::unlink(link.c_str());
  return FromRocks("data engine: take in " + std::to_string(files.size()) + " files", status);
}

uint64_t RocksKvEngine::ApproximateBytes(const KeyRange& range) const {
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = true;
  options.include_files = true;
  const std::string& end = range.end.empty() ? EndOfKeys() : range.end;
  const rocksdb::Range bounds(range.start, end);
  uint64_t bytes = 0;
  for (const ColumnFamily cf : kDataColumnFamilies) {
    uint64_t size = 0;
    const rocksdb::Status status = db_->GetApproximateSizes(options, handle(cf), &bounds, 1, &size);
    CHECK(status.ok()) << status.ToString();
    bytes += size;
  }
  return bytes;
}

uint64_t RocksKvEngine::DiskBytes() const {
  uint64_t bytes = 0;
  for (rocksdb::ColumnFamilyHandle* handle : handles_) {
    uint64_t size = 0;
    CHECK(db_->GetIntProperty(handle, Properties::kTotalSstFilesSize, &size));
    bytes += size;
  }
  return bytes;
}

}  // namespace flotilla::engine
