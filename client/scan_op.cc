#include "client/scan_op.h"

#include <algorithm>
#include <utility>

#include "common/base/planted_bugs.h"
#include "common/base/status_macros.h"

namespace flotilla::client {

ScanOp::ScanOp(OperationScope scope, RetryBudget budget, KeyRange range, ScanOptions options,
               RawClient::Callback<RawClient::Pairs> callback)
    : TypedRegionOp(scope.core(), Effect::kRead, budget),
      scope_(scope),
      options_(options),
      range_(std::move(range)),
      page_rows_(scope.core()->options().scan_page_rows),
      callback_(std::move(callback)) {
  request_.set_key_only(options_.key_only);
  request_.set_reverse(options_.reverse);
}

Locator::Position ScanOp::position() const {
  if (options_.reverse) return {range_.end, /*before=*/true};
  return {range_.start};
}

void ScanOp::FitTo(const CachedRegion& region) {
  const KeyRange& bounds = region.range();
  const bool is_end_beyond = !bounds.end.empty() && (range_.end.empty() || bounds.end < range_.end);
  const std::string& low = std::max(range_.start, bounds.start);
  const std::string& high = is_end_beyond ? bounds.end : range_.end;
  // A reverse scan's start is its exclusive upper bound.
  request_.set_start_key(options_.reverse ? high : low);
  request_.set_end_key(options_.reverse ? low : high);
  uint64_t rows = page_rows_;
  if (options_.limit > 0) rows = std::min(rows, options_.limit - pairs_.size());
  request_.set_limit(static_cast<uint32_t>(rows));
}

bool ScanOp::AskForLess(std::string_view error) {
  if (!error.starts_with("ScanTooLarge") || request_.limit() <= 1) return false;
  page_rows_ = std::max<uint32_t>(request_.limit() / 4, 1);
  return true;
}

absl::StatusOr<bool> ScanOp::Accept() {
  for (kvrpcpb::KvPair& pair : *response_.mutable_kvs()) {
    ASSIGN_OR_RETURN(const std::string_view key, core().codec().ToUserKey(pair.key()));
    pairs_.push_back({std::string(key), std::move(*pair.mutable_value())});
  }
  if (options_.limit > 0 && pairs_.size() >= options_.limit) return true;
  return Advance();
}

bool ScanOp::Advance() {
  const bool is_full_page = static_cast<uint32_t>(response_.kvs_size()) >= request_.limit();
  const KeyRange& bounds = region().range();
  if (options_.reverse) {
    if (!is_full_page && bounds.start.empty()) return true;
    range_.end = is_full_page ? response_.kvs(response_.kvs_size() - 1).key() : bounds.start;
    return range_.end <= range_.start;
  }
  if (!is_full_page && bounds.end.empty()) return true;
  // The next key after the last row's.
  range_.start = is_full_page ? response_.kvs(response_.kvs_size() - 1).key() + '\0' : bounds.end;
  if (Planted(Bug::kScanSkipsBoundary)) range_.start += '\0';
  return range_.IsEmpty();
}

void ScanOp::Finish(absl::Status status) {
  const OperationScope scope = scope_;
  scope.Record(status);
  if (status.ok()) {
    std::move(callback_)(std::move(pairs_));
  } else {
    std::move(callback_)(std::move(status));
  }
  delete this;
  scope.End();
}

}  // namespace flotilla::client
