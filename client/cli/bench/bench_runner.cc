#include "client/cli/bench/bench_runner.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace flotilla::cli {
namespace {

// Values are slices of this many random bytes: making each one anew would cost more than sending
// it.
constexpr size_t kValuePool = 1 << 20;

}  // namespace

BenchResult::PerOperation BenchResult::Sum() const {
  PerOperation all;
  for (const PerOperation& one : operations) {
    all.latency.Merge(one.latency);
    all.errors += one.errors;
    all.undetermined += one.undetermined;
  }
  return all;
}

// One operation in flight. Its callbacks come one after another, on whichever thread.
class BenchRunner::Slot {
 public:
  Slot(BenchRunner* runner, WorkloadStream stream) : runner_(*runner), stream_(stream) {}

  // Begins operations until one is in flight: an answer that comes within the call does not nest.
  void Pump() {
    do {
      state_.store(State::kStarting);
      if (!Next()) return runner_.OnSlotDone();
      State expected = State::kStarting;
      if (state_.compare_exchange_strong(expected, State::kInFlight)) return;
    } while (true);
  }

  WorkloadStream& stream() { return stream_; }

 private:
  enum class State { kStarting, kInFlight, kAnswered };

  // Answered while it was begun: Pump goes on; else this callback does.
  void OnAnswer(const absl::Status& status, uint64_t not_found, uint64_t rows) {
    runner_.Record(operation_, begin_, status, not_found, rows);
    State expected = State::kStarting;
    if (state_.compare_exchange_strong(expected, State::kAnswered)) return;
    Pump();
  }

  // False when there is no further turn.
  bool Next() {
    if (!runner_.TakeTurn(begin_)) return false;
    const env::Duration wait = begin_ - runner_.clock_->Now();
    if (runner_.options_.rate > 0 && wait > env::Duration::zero()) {
      runner_.executor_->PostAfter(wait, [this] { Begin(); });
    } else {
      if (runner_.options_.rate <= 0) begin_ = runner_.clock_->Now();
      Begin();
    }
    return true;
  }

  void Begin() {
    if (runner_.options_.workload.is_load) {
      operation_ = BenchOperation::kInsert;
    } else {
      operation_ = stream_.NextOperation();
    }
    switch (operation_) {
      case BenchOperation::kRead:
        return Read();
      case BenchOperation::kUpdate:
        return Write(NextKey());
      case BenchOperation::kInsert:
        return Write(runner_.KeyOf(runner_.existing_keys_.fetch_add(1)));
      case BenchOperation::kScan:
        return Scan();
      case BenchOperation::kReadModifyWrite:
        return ReadModifyWrite();
      case BenchOperation::kCount:
        break;
    }
    CHECK(false) << "no operation";
  }

  // The newest keys may still be on their way: as many as operations are in flight.
  std::string NextKey() {
    const uint64_t begun = runner_.existing_keys_.load();
    const uint64_t in_flight = std::min<uint64_t>(runner_.options_.concurrency, begun);
    return runner_.KeyOf(stream_.NextKey(std::max(runner_.options_.keys, begun - in_flight)));
  }

  void Read() {
    runner_.client_->GetAsync(NextKey(), {},
                              [this](absl::StatusOr<client::RawClient::Value> value) {
                                OnAnswer(value.status(), value.ok() && !value->has_value(), 0);
                              });
  }
  void Write(std::string key) {
    client::WriteOptions options;
    // This one writer writes each key once.
    options.resend_unanswered = runner_.options_.workload.is_load;
    runner_.client_->PutAsync(std::move(key), runner_.NextValue(*this), options,
                              [this](absl::Status status) { OnAnswer(status, 0, 0); });
  }
  void Scan() {
    client::ScanOptions options;
    options.limit = 1 + stream_.Uniform(runner_.options_.max_scan_rows);
    client::Range range{NextKey(), runner_.options_.key_prefix + "~"};
    runner_.client_->ScanAsync(std::move(range), options,
                               [this](absl::StatusOr<client::RawClient::Pairs> pairs) {
                                 OnAnswer(pairs.status(), 0, pairs.ok() ? pairs->size() : 0);
                               });
  }
  void ReadModifyWrite() {
    std::string key = NextKey();
    runner_.client_->GetAsync(key, {},
                              [this, key](absl::StatusOr<client::RawClient::Value> value) mutable {
                                if (!value.ok()) return OnAnswer(value.status(), 0, 0);
                                Write(std::move(key));
                              });
  }

  BenchRunner& runner_;
  WorkloadStream stream_;
  std::atomic<State> state_{State::kStarting};
  BenchOperation operation_ = BenchOperation::kRead;
  env::Instant begin_;
};

BenchRunner::BenchRunner(BenchOptions options, client::RawClient* client,
                         client::Executor* executor, const env::Clock* clock, env::Random random)
    : options_(std::move(options)), client_(client), executor_(executor), clock_(clock) {
  CHECK_GT(options_.keys, 0u);
  if (options_.workload.distribution != KeyDistribution::kUniform) zipfian_.emplace(options_.keys);
  value_bytes_.resize(kValuePool + options_.value_size);
  for (char& c : value_bytes_) c = static_cast<char>(random.Next());
  for (size_t i = 0; i < options_.concurrency; ++i) {
    slots_.push_back(std::make_unique<Slot>(
        this, WorkloadStream(options_.workload, options_.keys, zipfian_ ? &*zipfian_ : nullptr,
                             random.Fork(fmt::format("slot {}", i)))));
  }
}

BenchRunner::~BenchRunner() = default;

BenchResult BenchRunner::Run() {
  existing_keys_.store(options_.workload.is_load ? 0 : options_.keys);
  start_ = clock_->Now();
  measure_from_ = start_ + options_.warm_up;
  {
    MutexLock lock(mutex_);
    active_slots_ = slots_.size();
    last_answer_ = measure_from_;
  }
  for (const auto& slot : slots_) slot->Pump();
  MutexLock lock(mutex_);
  while (active_slots_ > 0) slot_done_.Wait(mutex_);
  result_.seconds = std::chrono::duration<double>(last_answer_ - measure_from_).count();
  return std::move(result_);
}

// Gives out the right to begin one more operation, and, with a rate, when.
bool BenchRunner::TakeTurn(env::Instant& due) {
  const uint64_t turn = turns_.fetch_add(1);
  if (options_.workload.is_load && turn >= options_.keys) return false;
  if (options_.operations > 0 && turn >= options_.operations) return false;
  const bool is_timed = options_.operations == 0 && !options_.workload.is_load;
  due = start_;
  if (options_.rate > 0) {
    due += env::Duration(static_cast<int64_t>(static_cast<double>(turn) / options_.rate * 1e9));
  }
  const env::Instant end = measure_from_ + options_.duration;
  return !is_timed || (clock_->Now() < end && due < end);
}

std::string BenchRunner::KeyOf(uint64_t number) const {
  return fmt::format("{}{:012}", options_.key_prefix, number);
}

std::string BenchRunner::NextValue(Slot& slot) {
  return value_bytes_.substr(slot.stream().Uniform(kValuePool), options_.value_size);
}

void BenchRunner::Record(BenchOperation operation, env::Instant begin, const absl::Status& status,
                         uint64_t not_found, uint64_t rows) {
  const env::Instant now = clock_->Now();
  MutexLock lock(mutex_);
  if (now < measure_from_) return;
  last_answer_ = std::max(last_answer_, now);
  BenchResult::PerOperation& one = result_.operations[static_cast<size_t>(operation)];
  if (!status.ok()) {
    ++(client::IsUndetermined(status) ? one.undetermined : one.errors);
    result_.first_error.Update(status);
    return;
  }
  one.latency.Record(now - begin);
  result_.not_found += not_found;
  result_.rows_scanned += rows;
}

void BenchRunner::OnSlotDone() {
  MutexLock lock(mutex_);
  --active_slots_;
  slot_done_.NotifyAll();
}

}  // namespace flotilla::cli
