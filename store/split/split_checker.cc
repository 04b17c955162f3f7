#include "store/split/split_checker.h"

#include <map>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"

namespace flotilla::store {
namespace {

std::unique_ptr<engine::Iterator> Scan(const engine::KvEngine& engine, const KeyRange& range) {
  engine::ReadOptions options;
  options.bounds = range;
  options.fill_cache = false;
  auto iterator = engine.NewIterator(engine::ColumnFamily::kDefault, options);
  iterator->SeekToFirst();
  return iterator;
}

}  // namespace

absl::StatusOr<RegionMeasure> MeasureRegion(const engine::KvEngine& engine, const KeyRange& range,
                                            const SplitLimits& limits) {
  RegionMeasure measure;
  uint64_t piece_bytes = 0;
  uint64_t piece_keys = 0;
  const auto iterator = Scan(engine, range);
  for (; iterator->Valid(); iterator->Next()) {
    if (piece_bytes >= limits.region_bytes || piece_keys >= limits.region_keys) {
      measure.split_keys.emplace_back(iterator->key());
      piece_bytes = piece_keys = 0;
    }
    const uint64_t bytes = iterator->key().size() + iterator->value().size();
    measure.bytes += bytes;
    piece_bytes += bytes;
    measure.keys += 1;
    piece_keys += 1;
  }
  RETURN_IF_ERROR(iterator->status());
  const bool large =
      static_cast<double>(measure.bytes) >
          limits.slack * static_cast<double>(limits.region_bytes) ||
      static_cast<double>(measure.keys) > limits.slack * static_cast<double>(limits.region_keys);
  if (!large) {
    measure.split_keys.clear();
  } else if (measure.split_keys.size() > 1 && piece_bytes < limits.region_bytes / 2 &&
             piece_keys < limits.region_keys / 2) {
    // The last piece would be a small one: it stays with its neighbour.
    measure.split_keys.pop_back();
  }
  return measure;
}

absl::StatusOr<std::string> MiddleKey(const engine::KvEngine& engine, const KeyRange& range) {
  uint64_t total = 0;
  auto iterator = Scan(engine, range);
  for (; iterator->Valid(); iterator->Next()) {
    total += iterator->key().size() + iterator->value().size();
  }
  RETURN_IF_ERROR(iterator->status());
  uint64_t before = 0;
  iterator = Scan(engine, range);
  for (; iterator->Valid(); iterator->Next()) {
    if (before >= total / 2 && iterator->key() > range.start) return std::string(iterator->key());
    before += iterator->key().size() + iterator->value().size();
  }
  RETURN_IF_ERROR(iterator->status());
  return std::string();
}

class SplitChecker::UnderWay {
 public:
  explicit UnderWay(SplitChecker* checker) : checker_(checker) {}

  // False when the region is being split; then `request` comes back when that is over.
  bool Begin(const Request& request) {
    MutexLock lock(mutex_);
    const auto [at, is_new] = regions_.try_emplace(request.view->region.id());
    if (!is_new) at->second = request;
    return is_new;
  }
  void End(RegionId id) {
    MutexLock lock(mutex_);
    const auto at = regions_.find(id);
    const std::optional<Request> later = std::move(at->second);
    regions_.erase(at);
    if (later.has_value() && checker_ != nullptr) checker_->Check(later->view, later->force);
  }
  void Stop() {
    MutexLock lock(mutex_);
    checker_ = nullptr;
  }

 private:
  Mutex mutex_;
  SplitChecker* checker_ ABSL_GUARDED_BY(mutex_);
  std::map<RegionId, std::optional<Request>> regions_ ABSL_GUARDED_BY(mutex_);
};

SplitChecker::SplitChecker(const engine::KvEngine* engine, RegionSplitter* splitter,
                           const SplitLimits& limits)
    : engine_(engine),
      splitter_(splitter),
      limits_(limits),
      under_way_(std::make_shared<UnderWay>(this)),
      inbox_(kMaxWaiting) {}

SplitChecker::~SplitChecker() { under_way_->Stop(); }

void SplitChecker::Check(RegionViewPtr view, bool force) {
  if (!inbox_.TryPush({std::move(view), force})) LOG_WARN("too many regions wait for split checks");
}

bool SplitChecker::RunOnce() {
  if (next_ == waiting_.size()) {
    waiting_.clear();
    next_ = 0;
    inbox_.TakeAll(waiting_);
  }
  if (next_ == waiting_.size()) return false;
  Run(waiting_[next_++]);
  return true;
}

void SplitChecker::Run(const Request& request) {
  const Region& region = request.view->region;
  const auto measure = MeasureRegion(*engine_, region.range(), limits_);
  CHECK_OK(measure.status());
  request.view->peer->approximate_bytes = measure->bytes;
  request.view->peer->approximate_keys = measure->keys;
  std::vector<std::string> keys = measure->split_keys;
  if (keys.empty() && request.force) {
    auto middle = MiddleKey(*engine_, region.range());
    CHECK_OK(middle.status());
    if (!middle->empty()) keys.push_back(*std::move(middle));
  }
  if (keys.empty() || !under_way_->Begin(request)) return;
  if (keys.size() > kMaxNewRegions) keys.resize(kMaxNewRegions);
  LOG_INFO("region {} has {} bytes in {} keys: split at {} keys", region.id(), measure->bytes,
           measure->keys, keys.size());
  splitter_->Split(request.view, std::move(keys),
                   [id = region.id(),
                    under_way = under_way_](absl::StatusOr<std::vector<metapb::Region>> regions) {
                     under_way->End(id);
                     if (regions.ok()) return;
                     LOG_WARN("region {} was not split: {}", id, regions.status().ToString());
                   });
}

}  // namespace flotilla::store
