// What outlives the processes of a simulated host: its disk.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_NODE_DISK_H_
#define FLOTILLA_TESTS_SIM_NODE_DISK_H_

#include <cstdint>
#include <memory>
#include <string>

#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "common/env/random.h"
#include "common/raftlog/memory_log_engine.h"

namespace flotilla::sim {

struct DiskOptions {
  uint64_t flush_at_bytes = 64 << 20;
  // After so many bytes the log engine asks for truncation.
  uint64_t log_flush_at_bytes = 48 << 20;
};

struct Disk {
  explicit Disk(const DiskOptions& options)
      : options(options),
        engine(&files, engine::MemoryKvOptions{.flush_at_bytes = options.flush_at_bytes}),
        log_engine(options.log_flush_at_bytes) {}

  // What a power cut now would leave, on another disk.
  std::unique_ptr<Disk> Copy() const {
    auto copy = std::make_unique<Disk>(options);
    copy->files.CopyDurable(files);
    copy->engine.CopyFlushed(engine);
    copy->log_engine.CopyDurable(log_engine);
    return copy;
  }
  // The next write of the log, or the next flush of the data, fails, and the process with it. What
  // the failed write of the log had to say is on the disk or not.
  void FailNextSync(env::Random& random) {
    if (random.Chance(0.3)) return engine.FailNextFlush(true);
    log_engine.FailNextWrite(absl::InternalError("fdatasync: input/output error"),
                             random.Chance(0.5));
  }
  // A bit flips in an entry of a log, or in a row of the data. Returns where; empty: there is
  // nothing on the disk yet.
  std::string Damage(env::Random& random);
  // All is well again, but for damage.
  void Heal() {
    engine.FailNextFlush(false);
    log_engine.FailNextWrite(absl::OkStatus());
    files.SetCapacity(UINT64_MAX);
  }
  // Power is cut: what was not durable is lost, or some of it.
  void Crash(env::Random random) {
    const size_t unflushed = engine.UnflushedWrites();
    const bool a_flush_had_ended = random.Chance(0.3);
    engine.Crash(a_flush_had_ended ? random.Uniform(unflushed + 1) : 0);
    log_engine.Crash();
    files.CrashTorn(random);
    engine.SetFailStop(nullptr);
  }

  const DiskOptions options;
  env::MemoryFileSystem files;
  engine::MemoryKvEngine engine;
  raftlog::MemoryLogEngine log_engine;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_NODE_DISK_H_
