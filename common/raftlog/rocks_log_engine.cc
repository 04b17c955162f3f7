#include "common/raftlog/rocks_log_engine.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/engine/rocks_directory.h"
#include "common/engine/rocks_listener.h"
#include "common/engine/rocks_options.h"
#include "common/engine/rocks_status.h"
#include "common/raftlog/flush_gate.h"
#include "common/raftlog/log_format.h"
#include "common/raftlog/truncation_filter.h"

namespace flotilla::raftlog {
namespace {

using engine::FromRocks;
using engine::FromSlice;
using engine::ToSlice;

// Up to so many replaced entries are deleted one by one; more by one range deletion, which costs
// every later read a little.
constexpr uint64_t kMaxSingleDeletes = 64;

// Of the process: all its databases flush on them.
constexpr int kFlushThreads = 4;

// Tables are merged into one when the newer ones take more than so much of the oldest.
constexpr unsigned kMaxGarbagePercent = 50;

rocksdb::Options MakeOptions(const RocksLogOptions& options) {
  rocksdb::Options rocks;
  if (options.env != nullptr) rocks.env = options.env;
  rocks.create_if_missing = true;
  rocks.paranoid_checks = true;
  rocks.write_buffer_size = options.memtable_bytes;
  rocks.max_write_buffer_number = options.max_memtables;
  rocks.max_background_jobs = options.background_jobs;
  rocks.compression = engine::CompressionOf(options.compression);
  // Every merge of all tables drops all that was truncated. Tables therefore take no more than once
  // and a half what the logs held when the oldest was made, and hardly anything while no follower
  // is behind.
  rocks.compaction_style = rocksdb::kCompactionStyleUniversal;
  rocks.compaction_options_universal.max_size_amplification_percent = kMaxGarbagePercent;
  rocks.level0_file_num_compaction_trigger = 2;
  rocks.bytes_per_sync = kMiB;
  // The last record of a crash may be half-written; damage anywhere else is an error, not the end
  // of the log.
  rocks.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // There is one writer.
  rocks.allow_concurrent_memtable_write = false;
  // The write-ahead log has it all: an orderly stop need not flush.
  rocks.avoid_flush_during_shutdown = true;
  rocks.keep_log_file_num = 4;
  rocks.max_log_file_size = 2 * kMiB;
  rocks.max_manifest_file_size = 4 * kMiB;

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  table.cache_index_and_filter_blocks = true;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return rocks;
}

void CheckAdded(const rocksdb::Status& status) { CHECK(status.ok()) << status.ToString(); }

absl::Status NotStored(RegionId region_id, Index low, Index high) {
  return absl::OutOfRangeError(
      absl::StrFormat("raft log of region %d: entries [%d, %d) are not all stored",
                      region_id.value(), low.value(), high.value()));
}

// Adds a scanned row to its group's state. Entries come last, in order of index.
absl::Status AddRow(const RowKey& row, std::string_view key, std::string_view value,
                    GroupState& state) {
  switch (row.kind) {
    case RowKind::kHardState: {
      ASSIGN_OR_RETURN(state.hard_state, ParseHardState(key, value));
      return absl::OkStatus();
    }
    case RowKind::kTruncated: {
      ASSIGN_OR_RETURN(state.truncated, ParseTruncated(key, value));
      state.last = state.truncated;
      return absl::OkStatus();
    }
    case RowKind::kRecord: {
      ASSIGN_OR_RETURN(state.records[std::string(row.name)], ParseRecord(key, value));
      return absl::OkStatus();
    }
    case RowKind::kEntry:
      break;
  }
  if (row.index != state.last.index + 1) {
    return absl::DataLossError(absl::StrFormat("raft log of region %d: entry %d follows entry %d",
                                               row.region_id.value(), row.index.value(),
                                               state.last.index.value()));
  }
  ASSIGN_OR_RETURN(const raft::Entry entry, ParseEntry(key, value));
  state.last = {entry.term, entry.index};
  state.bytes += entry.data.size();
  return absl::OkStatus();
}

}  // namespace

class RocksLogEngine::Listener final : public engine::RocksListener {
 public:
  Listener(std::shared_ptr<FlushGate> gate, const RocksLogOptions& options)
      : RocksListener("log", options.metrics, options.fail_stop), gate_(std::move(gate)) {}

  // The memtables that will be written have been chosen; nothing is locked.
  void OnFlushBegin(rocksdb::DB* db, const rocksdb::FlushJobInfo&) override {
    gate_->Pass([db] {
      uint64_t full = 0;
      CHECK(db->GetIntProperty(rocksdb::DB::Properties::kNumImmutableMemTable, &full));
      return full <= 1;
    });
  }

 private:
  const std::shared_ptr<FlushGate> gate_;
};

absl::StatusOr<std::unique_ptr<RocksLogEngine>> RocksLogEngine::Open(
    const std::string& path, const RocksLogOptions& options) {
  auto starts = std::make_shared<LogStarts>();
  auto gate = std::make_shared<FlushGate>();
  RETURN_IF_ERROR(engine::MakeDirectoryOutlive(options.env, path));
  rocksdb::Options rocks = MakeOptions(options);
  rocks.compaction_filter_factory = std::make_shared<TruncationFilterFactory>(starts);
  rocks.listeners.push_back(std::make_shared<Listener>(gate, options));
  // A flush that waits at the gate must not keep the data engine's flush from running.
  rocks.env->IncBackgroundThreadsIfNeeded(kFlushThreads, rocksdb::Env::Priority::HIGH);

  auto engine = std::unique_ptr<RocksLogEngine>(
      new RocksLogEngine(std::move(starts), std::move(gate), options.fail_stop));
  rocksdb::DB* db = nullptr;
  RETURN_IF_ERROR(FromRocks("open the log engine in " + path, rocksdb::DB::Open(rocks, path, &db)));
  engine->db_.reset(db);
  // Whatever the write-ahead files held was written to tables, and synced, before Open returned.
  engine->position_ = db->GetLatestSequenceNumber();
  return engine;
}

RocksLogEngine::RocksLogEngine(std::shared_ptr<LogStarts> starts, std::shared_ptr<FlushGate> gate,
                               env::FailStop* fail_stop)
    : starts_(std::move(starts)), gate_(std::move(gate)), fail_stop_(fail_stop) {}

RocksLogEngine::~RocksLogEngine() {
  if (db_ == nullptr) return;
  gate_->SetPreparation(nullptr);
  const rocksdb::Status status = db_->Close();
  if (!status.ok()) LOG_ERROR("log engine: close: {}", status.ToString());
}

absl::Status RocksLogEngine::Write(const LogBatch& batch) {
  rocksdb::WriteBatch rocks(batch.ByteSize());
  for (const LogChange& change : batch.changes) {
    ASSIGN_OR_RETURN(Position position, PositionOf(change.region_id));
    AddChange(change, position, rocks);
    MutexLock lock(mutex_);
    positions_[change.region_id] = position;
    if (change.clear || change.reset_to) starts_->Forget(change.region_id);
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  RETURN_IF_ERROR(FromRocks("log engine: write", db_->Write(options, &rocks)));
  position_ = db_->GetLatestSequenceNumber();  // There is one writer.
  for (const LogChange& change : batch.changes) {
    if (!change.reset_to && !change.truncate_to) continue;
    MutexLock lock(mutex_);
    starts_->Set(change.region_id, positions_[change.region_id].truncated.index);
  }
  return absl::OkStatus();
}

void RocksLogEngine::AddChange(const LogChange& change, Position& position,
                               rocksdb::WriteBatch& batch) {
  const RegionId region_id = change.region_id;
  if (change.clear) {
    CheckAdded(batch.DeleteRange(RegionStart(region_id), RegionEnd(region_id)));
    position = {};
  }
  if (change.reset_to) {
    if (position.last > Index(0)) {
      CheckAdded(batch.DeleteRange(EntryKey(region_id, Index(0)), RegionEnd(region_id)));
    }
    const std::string key = TruncatedKey(region_id);
    CheckAdded(batch.Put(key, TruncatedValue(key, *change.reset_to)));
    position = {*change.reset_to, change.reset_to->index};
  }
  if (!change.entries.empty()) AddEntries(change, position, batch);
  if (change.hard_state) {
    const std::string key = HardStateKey(region_id);
    CheckAdded(batch.Put(key, HardStateValue(key, *change.hard_state)));
  }
  if (change.truncate_to && change.truncate_to->index > position.truncated.index) {
    const std::string key = TruncatedKey(region_id);
    CheckAdded(batch.Put(key, TruncatedValue(key, *change.truncate_to)));
    position.truncated = *change.truncate_to;
    position.last = std::max(position.last, position.truncated.index);
  }
  for (const auto& [name, value] : change.records) {
    const std::string key = RecordKey(region_id, name);
    CheckAdded(value.empty() ? batch.Delete(key) : batch.Put(key, RecordValue(key, value)));
  }
}

void RocksLogEngine::AddEntries(const LogChange& change, Position& position,
                                rocksdb::WriteBatch& batch) {
  const RegionId region_id = change.region_id;
  const Index first = change.entries.front().index;
  const Index last = change.entries.back().index;
  CHECK(first > position.truncated.index && first <= position.last + 1)
      << "region " << region_id << ": entries from " << first << " do not follow ("
      << position.truncated.index << ", " << position.last << "]";
  if (position.last > last) {
    if (position.last - last <= kMaxSingleDeletes) {
      for (Index index = last + 1; index <= position.last; ++index) {
        CheckAdded(batch.Delete(EntryKey(region_id, index)));
      }
    } else {
      CheckAdded(batch.DeleteRange(EntryKey(region_id, last + 1), RegionEnd(region_id)));
    }
  }
  Index expected = first;
  for (const raft::Entry& entry : change.entries) {
    CHECK_EQ(entry.index, expected) << "region " << region_id << ": an append with a gap";
    ++expected;
    // In parts: the payload is copied once, into the batch.
    const std::string key = EntryKey(region_id, entry.index);
    const std::string prefix = EntryPrefix(key, entry);
    const rocksdb::Slice key_part = key;
    const rocksdb::Slice value_parts[] = {prefix, ToSlice(entry.data.view())};
    CheckAdded(batch.Put(rocksdb::SliceParts(&key_part, 1), rocksdb::SliceParts(value_parts, 2)));
  }
  position.last = last;
}

absl::StatusOr<std::map<RegionId, GroupState>> RocksLogEngine::LoadAll() const {
  return Scan("", "");
}

absl::StatusOr<GroupState> RocksLogEngine::Load(RegionId region_id) const {
  ASSIGN_OR_RETURN(auto states, Scan(RegionStart(region_id), RegionEnd(region_id)));
  if (states.empty()) {
    return absl::NotFoundError(
        absl::StrFormat("raft log: nothing is stored of region %d", region_id.value()));
  }
  return std::move(states.begin()->second);
}

absl::StatusOr<std::map<RegionId, GroupState>> RocksLogEngine::Scan(const std::string& start,
                                                                    const std::string& end) const {
  const rocksdb::Slice upper = end;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  if (!end.empty()) options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
  std::map<RegionId, GroupState> states;
  for (it->Seek(start); it->Valid();) {
    const std::string_view key = FromSlice(it->key());
    ASSIGN_OR_RETURN(const RowKey row, ParseKey(key));
    GroupState* state = nullptr;
    if (const auto known = states.find(row.region_id); known != states.end()) {
      state = &known->second;
    }
    if (row.kind == RowKind::kEntry) {
      const Index truncated = state == nullptr ? Index(0) : state->truncated.index;
      if (row.index <= truncated) {
        // Truncated and not dropped yet.
        it->Seek(EntryKey(row.region_id, truncated + 1));
        continue;
      }
    }
    if (state == nullptr) state = &states[row.region_id];
    RETURN_IF_ERROR(AddRow(row, key, FromSlice(it->value()), *state));
    it->Next();
  }
  RETURN_IF_ERROR(FromRocks("log engine: scan", it->status()));
  for (const auto& [region_id, state] : states) {
    Remember(region_id, {state.truncated, state.last.index});
  }
  return states;
}

absl::Status RocksLogEngine::StopIfDamaged(RegionId region_id, const absl::Status& status) const {
  if (absl::IsDataLoss(status) && fail_stop_ != nullptr) {
    fail_stop_->OnDiskFailure(absl::DataLossError(absl::StrFormat(
        "raft log of region %d: %s", region_id.value(), std::string(status.message()))));
  }
  return status;
}

absl::StatusOr<std::vector<raft::Entry>> RocksLogEngine::Entries(RegionId region_id, Index low,
                                                                 Index high,
                                                                 uint64_t max_bytes) const {
  auto entries = ReadEntries(region_id, low, high, max_bytes);
  if (!entries.ok()) return StopIfDamaged(region_id, entries.status());
  return entries;
}

absl::StatusOr<std::vector<raft::Entry>> RocksLogEngine::ReadEntries(RegionId region_id, Index low,
                                                                     Index high,
                                                                     uint64_t max_bytes) const {
  ASSIGN_OR_RETURN(const Position position, PositionOf(region_id));
  if (low <= position.truncated.index || high > position.last + 1) {
    return NotStored(region_id, low, high);
  }
  const std::string end = EntryKey(region_id, high);
  const rocksdb::Slice upper = end;
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
  std::vector<raft::Entry> entries;
  uint64_t bytes = 0;
  it->Seek(EntryKey(region_id, low));
  for (Index index = low; index < high; ++index, it->Next()) {
    if (!it->Valid()) {
      RETURN_IF_ERROR(FromRocks("log engine: read", it->status()));
      return NotStored(region_id, low, high);
    }
    ASSIGN_OR_RETURN(raft::Entry entry, ParseEntry(FromSlice(it->key()), FromSlice(it->value())));
    if (entry.index != index) return NotStored(region_id, low, high);
    bytes += entry.data.size();
    if (!entries.empty() && bytes > max_bytes) break;
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::StatusOr<Term> RocksLogEngine::TermAt(RegionId region_id, Index index) const {
  ASSIGN_OR_RETURN(const Position position, PositionOf(region_id));
  if (index == position.truncated.index) return position.truncated.term;
  const std::string key = EntryKey(region_id, index);
  rocksdb::PinnableSlice value;
  rocksdb::Status status = rocksdb::Status::NotFound();
  if (index > position.truncated.index && index <= position.last) {
    status = db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), key, &value);
  }
  if (status.IsNotFound()) return NotStored(region_id, index, index + 1);
  RETURN_IF_ERROR(StopIfDamaged(region_id, FromRocks("log engine: read", status)));
  auto term = ParseEntryTerm(key, FromSlice(value));
  if (!term.ok()) return StopIfDamaged(region_id, term.status());
  return term;
}

void RocksLogEngine::SetFlushPreparation(FlushPreparation preparation) {
  gate_->SetPreparation(std::move(preparation));
}

uint64_t RocksLogEngine::ApproximateBytes() const {
  uint64_t bytes = 0;
  for (const std::string* property : {&rocksdb::DB::Properties::kTotalSstFilesSize,
                                      &rocksdb::DB::Properties::kCurSizeAllMemTables}) {
    uint64_t value = 0;
    CHECK(db_->GetIntProperty(*property, &value)) << *property;
    bytes += value;
  }
  return bytes;
}

uint64_t RocksLogEngine::DurablePosition() const { return position_; }

absl::Status RocksLogEngine::Compact() {
  RETURN_IF_ERROR(FromRocks("log engine: flush", db_->Flush(rocksdb::FlushOptions())));
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  return FromRocks("log engine: compact", db_->CompactRange(options, nullptr, nullptr));
}

absl::StatusOr<RocksLogEngine::Position> RocksLogEngine::PositionOf(RegionId region_id) const {
  {
    MutexLock lock(mutex_);
    const auto it = positions_.find(region_id);
    if (it != positions_.end()) return it->second;
  }
  ASSIGN_OR_RETURN(const Position position, ReadPosition(region_id));
  return Remember(region_id, position);
}

absl::StatusOr<RocksLogEngine::Position> RocksLogEngine::ReadPosition(RegionId region_id) const {
  Position position;
  const std::string key = TruncatedKey(region_id);
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), key, &value);
  if (!status.IsNotFound()) {
    RETURN_IF_ERROR(FromRocks("log engine: read", status));
    ASSIGN_OR_RETURN(position.truncated, ParseTruncated(key, value));
  }
  position.last = position.truncated.index;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
  it->SeekForPrev(RegionEnd(region_id));
  RETURN_IF_ERROR(FromRocks("log engine: read", it->status()));
  if (!it->Valid()) return position;
  ASSIGN_OR_RETURN(const RowKey row, ParseKey(FromSlice(it->key())));
  if (row.region_id == region_id && row.kind == RowKind::kEntry) {
    position.last = std::max(position.last, row.index);
  }
  return position;
}

RocksLogEngine::Position RocksLogEngine::Remember(RegionId region_id,
                                                  const Position& position) const {
  MutexLock lock(mutex_);
  const auto [it, added] = positions_.try_emplace(region_id, position);
  if (added) starts_->Set(region_id, position.truncated.index);
  return it->second;
}

}  // namespace flotilla::raftlog
