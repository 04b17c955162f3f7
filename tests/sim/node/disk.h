// What outlives the processes of a simulated host: its disk.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_NODE_DISK_H_
#define FLOTILLA_TESTS_SIM_NODE_DISK_H_

#include <cstdint>

#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "common/raftlog/memory_log_engine.h"

namespace flotilla::sim {

struct DiskOptions {
  uint64_t flush_at_bytes = 64 << 20;
  // After so many bytes the log engine asks for truncation.
  uint64_t log_flush_at_bytes = 48 << 20;
};

struct Disk {
  explicit Disk(const DiskOptions& options)
      : engine(&files, engine::MemoryKvOptions{.flush_at_bytes = options.flush_at_bytes}),
        log_engine(options.log_flush_at_bytes) {}

  // Power is cut: what was not durable is lost.
  void Crash() {
    engine.Crash();
    log_engine.Crash();
    files.Crash();
  }

  env::MemoryFileSystem files;
  engine::MemoryKvEngine engine;
  raftlog::MemoryLogEngine log_engine;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_NODE_DISK_H_
