// Operations on one key: one request to the region that holds it.
#ifndef FLOTILLA_CLIENT_POINT_OP_H_
#define FLOTILLA_CLIENT_POINT_OP_H_

#include <utility>

#include "client/operation_scope.h"
#include "client/region_op.h"

namespace flotilla::client {

// `OnDone` is called once, as OnDone(absl::Status, Response&), and then the operation is gone.
template <typename Request, typename Response, StoreConnection::Method<Request, Response> kMethod,
          typename OnDone>
class PointOp final : public TypedRegionOp<Request, Response, kMethod> {
 public:
  PointOp(OperationScope scope, Effect effect, RetryBudget budget, Request request, OnDone on_done)
      : TypedRegionOp<Request, Response, kMethod>(scope.core(), effect, budget),
        scope_(scope),
        on_done_(std::move(on_done)) {
    this->request_ = std::move(request);
  }

 private:
  Locator::Position position() const override { return {this->request_.key()}; }
  void FitTo(const CachedRegion&) override {}
  absl::StatusOr<bool> Accept() override { return true; }
  void Finish(absl::Status status) override {
    const OperationScope scope = scope_;
    scope.Record(status);
    on_done_(std::move(status), this->response_);
    delete this;
    scope.End();
  }

  const OperationScope scope_;
  OnDone on_done_;
};

// Begins the operation; it ends in `on_done`.
template <typename Request, typename Response, StoreConnection::Method<Request, Response> kMethod,
          typename OnDone>
void StartPointOp(OperationScope scope, Effect effect, RetryBudget budget, Request request,
                  OnDone on_done) {
  auto* op = new PointOp<Request, Response, kMethod, OnDone>(
      scope, effect, budget, std::move(request), std::move(on_done));
  op->Start();
}

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_POINT_OP_H_
