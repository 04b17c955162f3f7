// The stage that measures regions which grew and finds keys at which they should be split.
//
// Thread: its own. Check is thread-safe. Place: RegionPeer (leader, by growth) or PD's instruction
// -> SplitChecker -> RegionSplitter -> operation/split.
#ifndef FLOTILLA_STORE_SPLIT_SPLIT_CHECKER_H_
#define FLOTILLA_STORE_SPLIT_SPLIT_CHECKER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/engine/kv_engine.h"
#include "common/env/inbox.h"
#include "common/env/stage.h"
#include "store/kv/replicator.h"
#include "store/region/region_index.h"

namespace flotilla::store {

struct SplitLimits {
  // A region is cut into pieces of this size, or with so many keys, whichever comes first ...
  uint64_t region_bytes = 96 << 20;
  uint64_t region_keys = 960'000;
  // ... once it is larger by this factor, so that pieces are not split again at once.
  double slack = 1.5;
};

struct RegionMeasure {
  uint64_t bytes = 0;
  uint64_t keys = 0;
  std::vector<std::string> split_keys;  // Empty: small enough.
};

// Counts the raw keys of `range`. Pure but for reading the engine.
absl::StatusOr<RegionMeasure> MeasureRegion(const engine::KvEngine& engine, const KeyRange& range,
                                            const SplitLimits& limits);
// The key in the middle of a range, by bytes; empty when there is none to split at.
absl::StatusOr<std::string> MiddleKey(const engine::KvEngine& engine, const KeyRange& range);

class SplitChecker final : public env::Stage {
 public:
  // Regions that may wait; more are forgotten until they grow again.
  static constexpr size_t kMaxWaiting = 4096;
  // New regions of one split. What is left is looked at again when they are there.
  static constexpr size_t kMaxNewRegions = 10;

  // Both must outlive the checker.
  SplitChecker(const engine::KvEngine* engine, RegionSplitter* splitter, const SplitLimits& limits);
  ~SplitChecker() override;

  void SetWaker(env::Waker* waker) { inbox_.SetWaker(waker); }
  // `force`: split in the middle even if the region is small.
  void Check(RegionViewPtr view, bool force = false);

  std::string_view name() const override { return "split-check"; }
  bool RunOnce() override;

 private:
  struct Request {
    RegionViewPtr view;
    bool force = false;
  };

  // The regions that are being split, by what this asked for: from the request until its outcome.
  // Each with the last check that came meanwhile, which is made afterwards: one split of a region
  // at a time. Thread-safe; outlives the checker for those who still answer.
  class UnderWay;

  void Run(const Request& request);

  const engine::KvEngine* const engine_;
  RegionSplitter* const splitter_;
  const SplitLimits limits_;
  const std::shared_ptr<UnderWay> under_way_;
  env::Inbox<Request> inbox_;
  std::vector<Request> waiting_;
  size_t next_ = 0;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SPLIT_SPLIT_CHECKER_H_
