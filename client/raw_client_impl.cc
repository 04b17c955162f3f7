#include "client/raw_client_impl.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "client/batch_op.h"
#include "client/batch_spec.h"
#include "client/point_op.h"
#include "client/range_op.h"
#include "client/scan_op.h"
#include "common/base/checksum.h"
#include "common/base/status_macros.h"

namespace flotilla::client {
namespace {

absl::Status CheckKey(std::string_view key) {
  if (key.empty()) return absl::InvalidArgumentError("the key is empty");
  if (key.size() > kMaxKeyBytes) {
    return absl::InvalidArgumentError(
        fmt::format("the key is {} bytes, the limit is {}", key.size(), kMaxKeyBytes));
  }
  return absl::OkStatus();
}

absl::Status CheckRange(const Range& range) {
  if (!range.end.empty() && range.start > range.end) {
    return absl::InvalidArgumentError("the range's start is greater than its end");
  }
  return absl::OkStatus();
}

absl::Status CheckTtl(std::chrono::seconds ttl) {
  if (ttl.count() >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("the TTL is negative: {} s", ttl.count()));
}

Effect EffectOf(const WriteOptions& options) {
  return options.resend_unanswered ? Effect::kRepeatableWrite : Effect::kOnceWrite;
}

bool IsEmpty(const Range& range) { return !range.end.empty() && range.start == range.end; }

// Ends a call that was not begun: with why not, or with `value` when there is nothing to do.
template <typename Callback, typename T>
void Answer(Callback& callback, absl::Status status, T value) {
  if (status.ok()) {
    std::move(callback)(std::move(value));
  } else {
    std::move(callback)(std::move(status));
  }
}

}  // namespace

RawClientImpl::~RawClientImpl() {
  core_->StartClosing();
  connector_->Shutdown();
  core_->Close();
}

RetryBudget RawClientImpl::BudgetFor(std::chrono::milliseconds timeout) const {
  if (timeout.count() <= 0) timeout = core_->options().timeout;
  return RetryBudget(core_->clock().Now() + timeout, core_->options().retry_budget);
}

void RawClientImpl::GetAsync(std::string key, CallOptions options, Callback<Value> callback) {
  absl::Status status = CheckKey(key);
  if (status.ok()) status = core_->BeginOperation();
  if (!status.ok()) return std::move(callback)(std::move(status));
  kvrpcpb::RawGetRequest request;
  request.set_key(core_->codec().ToRequestKey(key));
  StartPointOp<kvrpcpb::RawGetRequest, kvrpcpb::RawGetResponse, &StoreConnection::RawGet>(
      OperationScope(core_, Operation::kGet), Effect::kRead, BudgetFor(options.timeout),
      std::move(request),
      [callback = std::move(callback)](absl::Status status,
                                       kvrpcpb::RawGetResponse& response) mutable {
        if (!status.ok()) return std::move(callback)(std::move(status));
        Value value;
        if (!response.not_found()) value = std::move(*response.mutable_value());
        std::move(callback)(std::move(value));
      });
}

void RawClientImpl::PutAsync(std::string key, std::string value, WriteOptions options,
                             StatusCallback callback) {
  absl::Status status = CheckKey(key);
  if (status.ok()) status = CheckTtl(options.ttl);
  if (status.ok()) status = core_->BeginOperation();
  if (!status.ok()) return std::move(callback)(std::move(status));
  kvrpcpb::RawPutRequest request;
  request.set_key(core_->codec().ToRequestKey(key));
  request.set_value(std::move(value));
  request.set_ttl(static_cast<uint64_t>(options.ttl.count()));
  StartPointOp<kvrpcpb::RawPutRequest, kvrpcpb::RawPutResponse, &StoreConnection::RawPut>(
      OperationScope(core_, Operation::kPut), EffectOf(options), BudgetFor(options.timeout),
      std::move(request),
      [callback = std::move(callback)](absl::Status status, kvrpcpb::RawPutResponse&) mutable {
        std::move(callback)(std::move(status));
      });
}

void RawClientImpl::DeleteAsync(std::string key, CallOptions options, StatusCallback callback) {
  absl::Status status = CheckKey(key);
  if (status.ok()) status = core_->BeginOperation();
  if (!status.ok()) return std::move(callback)(std::move(status));
  kvrpcpb::RawDeleteRequest request;
  request.set_key(core_->codec().ToRequestKey(key));
  StartPointOp<kvrpcpb::RawDeleteRequest, kvrpcpb::RawDeleteResponse, &StoreConnection::RawDelete>(
      OperationScope(core_, Operation::kDelete), Effect::kOnceWrite, BudgetFor(options.timeout),
      std::move(request),
      [callback = std::move(callback)](absl::Status status, kvrpcpb::RawDeleteResponse&) mutable {
        std::move(callback)(std::move(status));
      });
}

void RawClientImpl::CompareAndSwapAsync(std::string key, Value expected, std::string value,
                                        WriteOptions options, Callback<CasResult> callback) {
  absl::Status status = CheckKey(key);
  if (status.ok()) status = CheckTtl(options.ttl);
  if (status.ok()) status = core_->BeginOperation();
  if (!status.ok()) return std::move(callback)(std::move(status));
  kvrpcpb::RawCASRequest request;
  request.set_key(core_->codec().ToRequestKey(key));
  request.set_value(std::move(value));
  request.set_previous_not_exist(!expected.has_value());
  if (expected) request.set_previous_value(*std::move(expected));
  request.set_ttl(static_cast<uint64_t>(options.ttl.count()));
  StartPointOp<kvrpcpb::RawCASRequest, kvrpcpb::RawCASResponse,
               &StoreConnection::RawCompareAndSwap>(
      OperationScope(core_, Operation::kCompareAndSwap), Effect::kOnceWrite,
      BudgetFor(options.timeout), std::move(request),
      [callback = std::move(callback)](absl::Status status,
                                       kvrpcpb::RawCASResponse& response) mutable {
        if (!status.ok()) return std::move(callback)(std::move(status));
        CasResult result;
        result.swapped = response.succeed();
        if (!response.previous_not_exist()) {
          result.previous = std::move(*response.mutable_previous_value());
        }
        std::move(callback)(std::move(result));
      });
}

void RawClientImpl::GetTtlAsync(std::string key, CallOptions options,
                                Callback<std::optional<std::chrono::seconds>> callback) {
  absl::Status status = CheckKey(key);
  if (status.ok()) status = core_->BeginOperation();
  if (!status.ok()) return std::move(callback)(std::move(status));
  kvrpcpb::RawGetKeyTTLRequest request;
  request.set_key(core_->codec().ToRequestKey(key));
  StartPointOp<kvrpcpb::RawGetKeyTTLRequest, kvrpcpb::RawGetKeyTTLResponse,
               &StoreConnection::RawGetKeyTtl>(
      OperationScope(core_, Operation::kGetTtl), Effect::kRead, BudgetFor(options.timeout),
      std::move(request),
      [callback = std::move(callback)](absl::Status status,
                                       kvrpcpb::RawGetKeyTTLResponse& response) mutable {
        if (!status.ok()) return std::move(callback)(std::move(status));
        std::optional<std::chrono::seconds> ttl;
        if (!response.not_found()) ttl = std::chrono::seconds(response.ttl());
        std::move(callback)(ttl);
      });
}

template <typename Spec>
void RawClientImpl::StartBatch(
    OperationScope scope, Effect effect, RetryBudget budget, std::vector<typename Spec::Item> items,
    absl::AnyInvocable<void(absl::Status, typename Spec::Result) &&> on_done) {
  auto* whole =
      new Join<typename Spec::Result>(scope, core_->options().batch_parallel, std::move(on_done));
  const size_t count = items.size();
  auto shared = std::make_shared<const std::vector<typename Spec::Item>>(std::move(items));
  whole->Add(new BatchPart<Spec>(core_, effect, budget, whole, {std::move(shared), 0, count}));
}

void RawClientImpl::BatchGetAsync(std::vector<std::string> keys, CallOptions options,
                                  Callback<Pairs> callback) {
  absl::Status status;
  for (const std::string& key : keys) status.Update(CheckKey(key));
  if (!status.ok() || keys.empty()) return Answer(callback, std::move(status), Pairs());
  status = core_->BeginOperation();
  if (!status.ok()) return std::move(callback)(std::move(status));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  for (std::string& key : keys) key = core_->codec().ToRequestKey(key);
  StartBatch<BatchGetSpec>(
      OperationScope(core_, Operation::kBatchGet), Effect::kRead, BudgetFor(options.timeout),
      std::move(keys), [callback = std::move(callback)](absl::Status status, Pairs pairs) mutable {
        if (!status.ok()) return std::move(callback)(std::move(status));
        std::sort(pairs.begin(), pairs.end(),
                  [](const KeyValue& a, const KeyValue& b) { return a.key < b.key; });
        std::move(callback)(std::move(pairs));
      });
}

void RawClientImpl::BatchPutAsync(Pairs pairs, WriteOptions options, StatusCallback callback) {
  absl::Status status = CheckTtl(options.ttl);
  for (const KeyValue& pair : pairs) status.Update(CheckKey(pair.key));
  if (!status.ok() || pairs.empty()) return std::move(callback)(std::move(status));
  status = core_->BeginOperation();
  if (!status.ok()) return std::move(callback)(std::move(status));
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const KeyValue& a, const KeyValue& b) { return a.key < b.key; });
  std::vector<BatchPutSpec::Item> items;
  items.reserve(pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i) {
    // Of equal keys, which are neighbours now, the last one counts.
    if (i + 1 < pairs.size() && pairs[i + 1].key == pairs[i].key) continue;
    items.push_back({core_->codec().ToRequestKey(pairs[i].key), std::move(pairs[i].value),
                     static_cast<uint64_t>(options.ttl.count())});
  }
  StartBatch<BatchPutSpec>(OperationScope(core_, Operation::kBatchPut), EffectOf(options),
                           BudgetFor(options.timeout), std::move(items),
                           [callback = std::move(callback)](absl::Status status, NoResult) mutable {
                             std::move(callback)(std::move(status));
                           });
}

void RawClientImpl::BatchDeleteAsync(std::vector<std::string> keys, CallOptions options,
                                     StatusCallback callback) {
  absl::Status status;
  for (const std::string& key : keys) status.Update(CheckKey(key));
  if (!status.ok() || keys.empty()) return std::move(callback)(std::move(status));
  status = core_->BeginOperation();
  if (!status.ok()) return std::move(callback)(std::move(status));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  for (std::string& key : keys) key = core_->codec().ToRequestKey(key);
  StartBatch<BatchDeleteSpec>(
      OperationScope(core_, Operation::kBatchDelete), Effect::kOnceWrite,
      BudgetFor(options.timeout), std::move(keys),
      [callback = std::move(callback)](absl::Status status, NoResult) mutable {
        std::move(callback)(std::move(status));
      });
}

void RawClientImpl::ScanAsync(Range range, ScanOptions options, Callback<Pairs> callback) {
  absl::Status status = CheckRange(range);
  if (!status.ok() || IsEmpty(range)) return Answer(callback, std::move(status), Pairs());
  status = core_->BeginOperation();
  if (!status.ok()) return std::move(callback)(std::move(status));
  auto* op = new ScanOp(OperationScope(core_, Operation::kScan), BudgetFor(options.timeout),
                        core_->codec().ToRequestRange({range.start, range.end}), options,
                        std::move(callback));
  op->Start();
}

template <typename Spec>
void RawClientImpl::StartRange(
    Operation operation, const Range& range, std::chrono::milliseconds timeout,
    absl::AnyInvocable<void(absl::Status, typename Spec::Result) &&> on_done) {
  const OperationScope scope(core_, operation);
  auto* whole =
      new Join<typename Spec::Result>(scope, core_->options().batch_parallel, std::move(on_done));
  whole->Add(new RangePart<Spec>(core_, BudgetFor(timeout), whole,
                                 core_->codec().ToRequestRange({range.start, range.end})));
}

void RawClientImpl::DeleteRangeAsync(Range range, CallOptions options, StatusCallback callback) {
  absl::Status status = CheckRange(range);
  if (!status.ok() || IsEmpty(range)) return std::move(callback)(std::move(status));
  status = core_->BeginOperation();
  if (!status.ok()) return std::move(callback)(std::move(status));
  StartRange<DeleteRangeSpec>(
      Operation::kDeleteRange, range, options.timeout,
      [callback = std::move(callback)](absl::Status status, NoResult) mutable {
        std::move(callback)(std::move(status));
      });
}

void RawClientImpl::ChecksumAsync(Range range, CallOptions options, Callback<Checksum> callback) {
  absl::Status status = CheckRange(range);
  if (!status.ok() || IsEmpty(range)) return Answer(callback, std::move(status), Checksum());
  status = core_->BeginOperation();
  if (!status.ok()) return std::move(callback)(std::move(status));
  StartRange<ChecksumSpec>(
      Operation::kChecksum, range, options.timeout,
      [callback = std::move(callback)](absl::Status status, Checksum checksum) mutable {
        Answer(callback, std::move(status), checksum);
      });
}

std::string RawClientImpl::MetricsText() const {
  core_->metrics().in_flight.Set(static_cast<double>(core_->in_flight()));
  return registry_->ToText();
}

Checksum RawClientImpl::ChecksumOf(const KeyValue& pair) const {
  const std::string key = core_->codec().ToRequestKey(pair.key);
  return {Crc64(Crc64(0, key), pair.value), 1, key.size() + pair.value.size()};
}

}  // namespace flotilla::client
