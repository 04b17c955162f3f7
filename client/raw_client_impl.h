// RawClient over the operations of this folder, for any PD and any stores: production's, or a
// test's.
#ifndef FLOTILLA_CLIENT_RAW_CLIENT_IMPL_H_
#define FLOTILLA_CLIENT_RAW_CLIENT_IMPL_H_

#include <string>
#include <vector>

#include "client/core.h"
#include "client/operation_scope.h"
#include "client/region_op.h"
#include "common/metrics/registry.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::client {

class RawClientImpl final : public RawClient {
 public:
  // `core`, `connector` and `registry` must outlive it.
  RawClientImpl(Core* core, StoreConnector* connector, const metrics::Registry* registry)
      : core_(core), connector_(connector), registry_(registry) {}
  ~RawClientImpl() override;

  void GetAsync(std::string key, CallOptions options, Callback<Value> callback) override;
  void PutAsync(std::string key, std::string value, WriteOptions options,
                StatusCallback callback) override;
  void DeleteAsync(std::string key, CallOptions options, StatusCallback callback) override;
  void BatchGetAsync(std::vector<std::string> keys, CallOptions options,
                     Callback<Pairs> callback) override;
  void BatchPutAsync(Pairs pairs, WriteOptions options, StatusCallback callback) override;
  void BatchDeleteAsync(std::vector<std::string> keys, CallOptions options,
                        StatusCallback callback) override;
  void ScanAsync(Range range, ScanOptions options, Callback<Pairs> callback) override;
  void DeleteRangeAsync(Range range, CallOptions options, StatusCallback callback) override;
  void CompareAndSwapAsync(std::string key, Value expected, std::string value, WriteOptions options,
                           Callback<CasResult> callback) override;
  void GetTtlAsync(std::string key, CallOptions options,
                   Callback<std::optional<std::chrono::seconds>> callback) override;
  void ChecksumAsync(Range range, CallOptions options, Callback<Checksum> callback) override;
  Checksum ChecksumOf(const KeyValue& pair) const override;
  std::string MetricsText() const override;

 private:
  RetryBudget BudgetFor(std::chrono::milliseconds timeout) const;
  template <typename Spec>
  void StartBatch(OperationScope scope, Effect effect, RetryBudget budget,
                  std::vector<typename Spec::Item> items,
                  absl::AnyInvocable<void(absl::Status, typename Spec::Result) &&> on_done);
  template <typename Spec>
  void StartRange(Operation operation, const Range& range, std::chrono::milliseconds timeout,
                  absl::AnyInvocable<void(absl::Status, typename Spec::Result) &&> on_done);

  Core* const core_;
  StoreConnector* const connector_;
  const metrics::Registry* const registry_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_RAW_CLIENT_IMPL_H_
