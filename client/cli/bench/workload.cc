#include "client/cli/bench/workload.h"

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "common/base/check.h"
#include "common/base/checksum.h"

namespace flotilla::cli {
namespace {

using Named = std::pair<std::string_view, Workload>;

constexpr KeyDistribution kZipf = KeyDistribution::kZipfian;

const std::array<Named, 11>& Workloads() {
  static const std::array<Named, 11> kWorkloads = {{
      {"load", {.insert = 100, .is_load = true}},
      {"write", {.update = 100}},
      {"read", {.read = 100}},
      {"mixed", {.read = 50, .update = 50}},
      {"scan", {.scan = 100}},
      {"ycsb-a", {.read = 50, .update = 50, .distribution = kZipf}},
      {"ycsb-b", {.read = 95, .update = 5, .distribution = kZipf}},
      {"ycsb-c", {.read = 100, .distribution = kZipf}},
      {"ycsb-d", {.read = 95, .insert = 5, .distribution = KeyDistribution::kLatest}},
      {"ycsb-e", {.insert = 5, .scan = 95, .distribution = kZipf}},
      {"ycsb-f", {.read = 50, .read_modify_write = 50, .distribution = kZipf}},
  }};
  return kWorkloads;
}

}  // namespace

std::string_view BenchOperationName(BenchOperation operation) {
  switch (operation) {
    case BenchOperation::kRead:
      return "read";
    case BenchOperation::kUpdate:
      return "update";
    case BenchOperation::kInsert:
      return "insert";
    case BenchOperation::kScan:
      return "scan";
    case BenchOperation::kReadModifyWrite:
      return "read-modify-write";
    case BenchOperation::kCount:
      break;
  }
  return "unknown";
}

std::vector<std::string> WorkloadNames() {
  std::vector<std::string> names;
  for (const Named& one : Workloads()) names.emplace_back(one.first);
  return names;
}

std::optional<Workload> FindWorkload(const std::string& name) {
  const std::string full = name.size() == 1 ? "ycsb-" + name : name;
  for (const Named& one : Workloads()) {
    if (one.first == full) return one.second;
  }
  return std::nullopt;
}

Zipfian::Zipfian(uint64_t count) : count_(count) {
  CHECK_GT(count, 0u);
  for (uint64_t i = 1; i <= count; ++i) zeta_ += 1.0 / std::pow(static_cast<double>(i), kTheta);
  half_power_ = 1.0 + std::pow(0.5, kTheta);
  alpha_ = 1.0 / (1.0 - kTheta);
  eta_ = (1.0 - std::pow(2.0 / static_cast<double>(count), 1.0 - kTheta)) /
         (1.0 - half_power_ / zeta_);
}

uint64_t Zipfian::Draw(env::Random& random) const {
  const double fraction = random.Fraction();
  const double scaled = fraction * zeta_;
  if (scaled < 1.0) return 0;
  if (scaled < half_power_) return count_ > 1 ? 1 : 0;
  const auto rank = static_cast<uint64_t>(static_cast<double>(count_) *
                                          std::pow(eta_ * fraction - eta_ + 1.0, alpha_));
  return rank < count_ ? rank : count_ - 1;
}

WorkloadStream::WorkloadStream(const Workload& workload, uint64_t keys, const Zipfian* zipfian,
                               env::Random random)
    : workload_(workload), keys_(keys), zipfian_(zipfian), random_(random) {
  CHECK(workload.distribution == KeyDistribution::kUniform || zipfian != nullptr);
}

BenchOperation WorkloadStream::NextOperation() {
  int draw = static_cast<int>(random_.Uniform(100));
  if ((draw -= workload_.read) < 0) return BenchOperation::kRead;
  if ((draw -= workload_.update) < 0) return BenchOperation::kUpdate;
  if ((draw -= workload_.insert) < 0) return BenchOperation::kInsert;
  if ((draw -= workload_.scan) < 0) return BenchOperation::kScan;
  return BenchOperation::kReadModifyWrite;
}

uint64_t WorkloadStream::NextKey(uint64_t existing) {
  switch (workload_.distribution) {
    case KeyDistribution::kUniform:
      return random_.Uniform(existing);
    case KeyDistribution::kLatest:
      return existing - 1 - zipfian_->Draw(random_);
    case KeyDistribution::kZipfian: {
      // The popular keys lie all over the key space, not side by side.
      const uint64_t rank = zipfian_->Draw(random_);
      return Xxh3({reinterpret_cast<const char*>(&rank), sizeof(rank)}) % keys_;
    }
  }
  return 0;
}

}  // namespace flotilla::cli
