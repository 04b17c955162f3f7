// What a benchmark does: which operations, on which keys.
//
// The workloads a to f are those of YCSB (Cooper et al., SoCC 2010).
#ifndef FLOTILLA_CLIENT_CLI_BENCH_WORKLOAD_H_
#define FLOTILLA_CLIENT_CLI_BENCH_WORKLOAD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/env/random.h"

namespace flotilla::cli {

enum class BenchOperation { kRead, kUpdate, kInsert, kScan, kReadModifyWrite, kCount };

std::string_view BenchOperationName(BenchOperation operation);

enum class KeyDistribution { kUniform, kZipfian, kLatest };

struct Workload {
  // Shares in percent; they add up to 100.
  int read = 0;
  int update = 0;
  int insert = 0;
  int scan = 0;
  int read_modify_write = 0;
  KeyDistribution distribution = KeyDistribution::kUniform;
  // Writes each key once, in order, and ends.
  bool is_load = false;

  bool NeedsKeys() const { return read + scan + read_modify_write > 0; }
};

// load, write, read, mixed, scan, ycsb-a to ycsb-f (or a to f).
std::vector<std::string> WorkloadNames();
std::optional<Workload> FindWorkload(const std::string& name);

// Draws ranks by Zipf's law (Gray et al., SIGMOD 1994): rank 0 is drawn most often.
class Zipfian {
 public:
  static constexpr double kTheta = 0.99;

  // REQUIRES: count > 0. Takes time in proportion to `count`.
  explicit Zipfian(uint64_t count);
  // In [0, count).
  uint64_t Draw(env::Random& random) const;

 private:
  const uint64_t count_;
  double zeta_ = 0;
  double alpha_ = 0;
  double eta_ = 0;
  double half_power_ = 0;
};

// Picks operations and keys for one stream of operations. Not thread-safe; streams may share the
// Zipfian.
class WorkloadStream {
 public:
  // `zipfian`: for other distributions than kUniform; it must outlive the stream.
  WorkloadStream(const Workload& workload, uint64_t keys, const Zipfian* zipfian,
                 env::Random random);

  BenchOperation NextOperation();
  // The number of a key out of `existing` ones. REQUIRES: existing >= keys.
  uint64_t NextKey(uint64_t existing);
  uint64_t Uniform(uint64_t bound) { return random_.Uniform(bound); }

 private:
  const Workload workload_;
  const uint64_t keys_;
  const Zipfian* const zipfian_;
  env::Random random_;
};

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_BENCH_WORKLOAD_H_
