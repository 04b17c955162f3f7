// Operations on a range that the stores do in place: a part for each region that it touches.
#ifndef FLOTILLA_CLIENT_RANGE_OP_H_
#define FLOTILLA_CLIENT_RANGE_OP_H_

#include <utility>

#include "client/join.h"
#include "client/region_op.h"
#include "common/base/key_range.h"

namespace flotilla::client {

// A `Spec` names the messages and how to fill and read them:
//   Request, Response, kMethod, kEffect, Result
//   static void Fill(const KeyRange&, Request&);
//   static void Merge(const Response&, Result&);
template <typename Spec>
class RangePart final
    : public TypedRegionOp<typename Spec::Request, typename Spec::Response, Spec::kMethod> {
 public:
  using Whole = Join<typename Spec::Result>;

  // `range`: of request keys, not empty.
  RangePart(Core* core, RetryBudget budget, Whole* whole, KeyRange range)
      : TypedRegionOp<typename Spec::Request, typename Spec::Response, Spec::kMethod>(
            core, Spec::kEffect, budget),
        whole_(whole),
        range_(std::move(range)) {}

 private:
  Locator::Position position() const override { return {range_.start}; }

  void FitTo(const CachedRegion& region) override {
    const std::string& region_end = region.range().end;
    if (!region_end.empty() && (range_.end.empty() || region_end < range_.end)) {
      auto* rest = new RangePart(&this->core(), this->budget(), whole_, {region_end, range_.end});
      rest->set_maybe_applied(this->maybe_applied());
      range_.end = region_end;
      whole_->Add(rest);
    }
    Spec::Fill(range_, this->request_);
  }

  absl::StatusOr<bool> Accept() override {
    whole_->Merge([&](typename Spec::Result& result) { Spec::Merge(this->response_, result); });
    return true;
  }

  void Finish(absl::Status status) override {
    Whole* const whole = whole_;
    delete this;
    whole->PartDone(std::move(status));
  }

  Whole* const whole_;
  KeyRange range_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_RANGE_OP_H_
