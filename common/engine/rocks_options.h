// What can be set of the data engine, and how RocksDB is told.
#ifndef FLOTILLA_COMMON_ENGINE_ROCKS_OPTIONS_H_
#define FLOTILLA_COMMON_ENGINE_ROCKS_OPTIONS_H_

#include <rocksdb/options.h>

#include <cstdint>
#include <string>

#include "common/base/units.h"
#include "common/env/fail_stop.h"
#include "common/metrics/registry.h"

namespace flotilla::engine {

struct RocksKvOptions {
  // Cache of uncompressed blocks, index and filter blocks included, for all column families.
  uint64_t block_cache_bytes = 256 * kMiB;
  // A column family's memtable is flushed, with all others, when it has grown to this.
  uint64_t memtable_bytes = 64 * kMiB;
  // All memtables together, those that are being flushed included; beyond it a flush starts.
  uint64_t total_memtable_bytes = 192 * kMiB;
  // Threads for flushes and compactions.
  int background_jobs = 2;
  // Size of a table file at the last levels.
  uint64_t table_file_bytes = 64 * kMiB;
  uint64_t block_bytes = 16 * kKiB;
  // Bits a key of the Bloom filters; 10 lets 1 % of the lookups of absent keys through.
  double bloom_bits_per_key = 10;
  // "none", "lz4" or "zstd", for all levels but the last and for the last one.
  std::string compression = "lz4";
  std::string bottommost_compression = "zstd";
  // Bytes a second that flushes and compactions may write; 0: no limit.
  uint64_t background_write_bytes_per_second = 0;
  // Open table files; -1: all stay open.
  int max_open_files = 4096;
  // Null: nothing is counted.
  metrics::Registry* metrics = nullptr;
  // Hears that a flush or a compaction failed (null: the process aborts), and that a read found
  // damage (null: the reader hears alone).
  env::FailStop* fail_stop = nullptr;
  // Where the files are; null: the file system. For tests.
  rocksdb::Env* env = nullptr;
};

// Compression by its name; aborts on an unknown name, which the configuration has checked.
rocksdb::CompressionType CompressionOf(const std::string& name);

// Options of the database and, for every column family alike, of its tables.
rocksdb::DBOptions MakeDbOptions(const RocksKvOptions& options);
rocksdb::ColumnFamilyOptions MakeColumnFamilyOptions(const RocksKvOptions& options);

}  // namespace flotilla::engine

#endif  // FLOTILLA_COMMON_ENGINE_ROCKS_OPTIONS_H_
