#include "common/engine/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/table.h>

#include "common/base/check.h"

namespace flotilla::engine {

rocksdb::CompressionType CompressionOf(const std::string& name) {
  if (name == "none") return rocksdb::kNoCompression;
  if (name == "lz4") return rocksdb::kLZ4Compression;
  CHECK(name == "zstd") << "unknown compression " << name;
  return rocksdb::kZSTD;
}

rocksdb::DBOptions MakeDbOptions(const RocksKvOptions& options) {
  rocksdb::DBOptions db;
  if (options.env != nullptr) db.env = options.env;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  // There is no write-ahead log: a flush takes all column families at one point, so that what a
  // crash leaves is a prefix of the writes.
  db.atomic_flush = true;
  // What is not flushed is replayed from the Raft log; flushing it here would only make exits slow.
  // An orderly stop calls Flush.
  db.avoid_flush_during_shutdown = true;
  db.paranoid_checks = true;
  db.db_write_buffer_size = options.total_memtable_bytes;
  db.max_background_jobs = options.background_jobs;
  db.max_open_files = options.max_open_files;
  db.bytes_per_sync = kMiB;
  if (options.background_write_bytes_per_second > 0) {
    db.rate_limiter.reset(rocksdb::NewGenericRateLimiter(
        static_cast<int64_t>(options.background_write_bytes_per_second)));
  }
  db.keep_log_file_num = 4;
  db.max_log_file_size = 16 * kMiB;
  db.stats_dump_period_sec = 600;
  return db;
}

rocksdb::ColumnFamilyOptions MakeColumnFamilyOptions(const RocksKvOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  table.block_size = options.block_bytes;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(options.bloom_bits_per_key, false));
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;

  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = options.memtable_bytes;
  family.max_write_buffer_number = 4;
  // Lookups of absent keys skip the memtable as they skip tables.
  family.memtable_prefix_bloom_size_ratio = 0.02;
  family.memtable_whole_key_filtering = true;
  family.compression = CompressionOf(options.compression);
  family.bottommost_compression = CompressionOf(options.bottommost_compression);
  family.level_compaction_dynamic_level_bytes = true;
  family.target_file_size_base = options.table_file_bytes;
  family.force_consistency_checks = true;
  return family;
}

}  // namespace flotilla::engine
