// How fast the storage floor is by itself: synced writes of the log engine, batches and reads of
// the data engine. Run it on the disk that matters: FLOTILLA_BENCH_DIR=/data bin/storage_bench
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/engine/rocks_kv_engine.h"
#include "common/engine/rocks_options.h"
#include "common/env/posix_file_system.h"
#include "common/env/random.h"
#include "common/raftlog/rocks_log_engine.h"

namespace flotilla {
namespace {

// A directory of its own, removed at the end.
class BenchDir {
 public:
  BenchDir() {
    const char* root = std::getenv("FLOTILLA_BENCH_DIR");
    path_ = std::string(root == nullptr ? "." : root) + "/flotilla_storage_bench";
    CHECK_OK(files_.RemoveAll(path_));
    CHECK_OK(files_.CreateDir(path_));
  }
  ~BenchDir() { CHECK_OK(files_.RemoveAll(path_)); }
  std::string db() const { return path_ + "/db"; }

 private:
  env::PosixFileSystem files_;
  std::string path_;
};

// Arguments: changes (groups) a write, bytes an entry.
void BM_LogWrite(benchmark::State& state) {
  const auto groups = static_cast<uint64_t>(state.range(0));
  const auto bytes = static_cast<size_t>(state.range(1));
  BenchDir dir;
  auto engine = raftlog::RocksLogEngine::Open(dir.db(), {}).value();
  const Bytes data(std::string(bytes, 'x'));
  uint64_t index = 0;
  for (auto _ : state) {
    ++index;
    raftlog::LogBatch batch;
    for (uint64_t group = 1; group <= groups; ++group) {
      raftlog::LogChange& change = batch.changes.emplace_back();
      change.region_id = RegionId(group);
      change.entries = {{Term(1), Index(index), raft::EntryType::kNormal, data}};
      change.hard_state = raft::HardState{Term(1), PeerId(1), Index(index - 1)};
      if (index % 1000 == 0) change.truncate_to = raft::EntryId{Term(1), Index(index - 500)};
    }
    CHECK_OK(engine->Write(batch));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * state.range(0) * state.range(1));
}
BENCHMARK(BM_LogWrite)
    ->ArgNames({"groups", "bytes"})
    ->Args({1, 128})
    ->Args({1, 4096})
    ->Args({64, 128})
    ->Args({64, 1024})
    ->UseRealTime();

std::string KeyOf(uint64_t number) { return absl::StrFormat("key%013d", number); }

// Arguments: keys a batch, bytes a value.
void BM_KvBatch(benchmark::State& state) {
  BenchDir dir;
  auto engine = engine::RocksKvEngine::Open(dir.db(), {}).value();
  const std::string value(static_cast<size_t>(state.range(1)), 'x');
  env::Random random(1);
  const auto batch = engine->NewBatch();
  for (auto _ : state) {
    batch->Clear();
    for (int64_t i = 0; i < state.range(0); ++i) {
      batch->Put(engine::ColumnFamily::kDefault, KeyOf(random.Uniform(1'000'000)), value);
    }
    CHECK_OK(engine->Write(*batch));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_KvBatch)->ArgNames({"keys", "bytes"})->Args({1, 128})->Args({100, 128});

// Arguments: keys in the engine, whether in tables or in memory, lookups a key that is there.
void BM_KvGet(benchmark::State& state) {
  const auto keys = static_cast<uint64_t>(state.range(0));
  BenchDir dir;
  auto engine = engine::RocksKvEngine::Open(dir.db(), {}).value();
  const std::string value(128, 'x');
  const auto batch = engine->NewBatch();
  for (uint64_t i = 0; i < keys; ++i) {
    batch->Put(engine::ColumnFamily::kDefault, KeyOf(i), value);
    if (i % 100 != 99) continue;
    CHECK_OK(engine->Write(*batch));
    batch->Clear();
  }
  CHECK_OK(engine->Write(*batch));
  if (state.range(1) == 1) {
    CHECK_OK(engine->Flush());
  }
  env::Random random(1);
  std::string out;
  for (auto _ : state) {
    out.clear();
    benchmark::DoNotOptimize(engine->GetTo(engine::ColumnFamily::kDefault,
                                           KeyOf(random.Uniform(keys * state.range(2))), out));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_KvGet)
    ->ArgNames({"keys", "flushed", "spread"})
    ->Args({100'000, 0, 1})
    ->Args({100'000, 1, 1})
    ->Args({100'000, 1, 10});

}  // namespace
}  // namespace flotilla
