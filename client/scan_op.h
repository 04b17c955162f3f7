// A scan: page after page, region after region, up or down, until the limit or the end of the
// range.
//
// A store answers fewer rows than asked only when its region has no more, so that a short page
// moves the cursor to the region's border. A page that is too large for it, it refuses. The border
// used is that of the route under which the store accepted the request: had the region changed
// meanwhile, the epoch would have been refused.
#ifndef FLOTILLA_CLIENT_SCAN_OP_H_
#define FLOTILLA_CLIENT_SCAN_OP_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "client/operation_scope.h"
#include "client/region_op.h"
#include "common/base/key_range.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::client {

class ScanOp final : public TypedRegionOp<kvrpcpb::RawScanRequest, kvrpcpb::RawScanResponse,
                                          &StoreConnection::RawScan> {
 public:
  // `range`: of request keys, not empty.
  ScanOp(OperationScope scope, RetryBudget budget, KeyRange range, ScanOptions options,
         RawClient::Callback<RawClient::Pairs> callback);

 private:
  Locator::Position position() const override;
  void FitTo(const CachedRegion& region) override;
  bool AskForLess(std::string_view error) override;
  absl::StatusOr<bool> Accept() override;
  void Finish(absl::Status status) override;
  // Moves the range's open side past what was read; true when nothing is left.
  bool Advance();

  const OperationScope scope_;
  const ScanOptions options_;
  KeyRange range_;  // What is still to be read.
  uint32_t page_rows_;
  RawClient::Callback<RawClient::Pairs> callback_;
  RawClient::Pairs pairs_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_SCAN_OP_H_
