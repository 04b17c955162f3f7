// Operations on many keys: a part for each region and bounded number of keys.
#ifndef FLOTILLA_CLIENT_BATCH_OP_H_
#define FLOTILLA_CLIENT_BATCH_OP_H_

#include <memory>
#include <utility>
#include <vector>

#include "client/join.h"
#include "client/region_op.h"

namespace flotilla::client {

// A `Spec` names the messages of a batch and how to fill and read them:
//   Request, Response, kMethod, kEffect, Result
//   Item                                      one element, in request keys
//   static const std::string& Key(const Item&);   static size_t Bytes(const Item&);
//   static void Add(const Item&, Request&);       static void Clear(Request&);
//   static absl::Status Merge(const KeyCodec&, Response&, Result&);
template <typename Spec>
class BatchPart final
    : public TypedRegionOp<typename Spec::Request, typename Spec::Response, Spec::kMethod> {
 public:
  using Item = typename Spec::Item;
  using Items = std::shared_ptr<const std::vector<Item>>;
  using Whole = Join<typename Spec::Result>;

  // The items [begin, end) of `items`, which are ordered by key. REQUIRES: begin < end.
  BatchPart(Core* core, RetryBudget budget, Whole* whole, Items items, size_t begin, size_t end)
      : TypedRegionOp<typename Spec::Request, typename Spec::Response, Spec::kMethod>(
            core, Spec::kEffect, budget),
        whole_(whole),
        items_(std::move(items)),
        begin_(begin),
        end_(end) {}

 private:
  Locator::Position position() const override { return {Spec::Key((*items_)[begin_])}; }

  void FitTo(const CachedRegion& region) override {
    const size_t fitting_end = FittingEnd(region);
    if (fitting_end < end_) {
      auto* rest = new BatchPart(&this->core(), this->budget(), whole_, items_, fitting_end, end_);
      rest->set_maybe_applied(this->maybe_applied());
      end_ = fitting_end;
      whole_->Add(rest);
    }
    Spec::Clear(this->request_);
    for (size_t i = begin_; i < end_; ++i) Spec::Add((*items_)[i], this->request_);
  }

  // The end of the items that lie in `region` and fit into one request; at least one does.
  size_t FittingEnd(const CachedRegion& region) {
    const ClientOptions& options = this->core().options();
    const size_t most = std::min(end_, begin_ + options.batch_keys);
    size_t bytes = Spec::Bytes((*items_)[begin_]);
    size_t i = begin_ + 1;
    for (; i < most; ++i) {
      const Item& item = (*items_)[i];
      bytes += Spec::Bytes(item);
      if (bytes > options.batch_bytes || !region.range().Contains(Spec::Key(item))) break;
    }
    return i;
  }

  absl::StatusOr<bool> Accept() override {
    absl::Status status;
    whole_->Merge([&](typename Spec::Result& result) {
      status = Spec::Merge(this->core().codec(), this->response_, result);
    });
    if (!status.ok()) return status;
    return true;
  }

  void Finish(absl::Status status) override {
    Whole* const whole = whole_;
    delete this;
    whole->PartDone(std::move(status));
  }

  Whole* const whole_;
  const Items items_;
  const size_t begin_;
  size_t end_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_BATCH_OP_H_
