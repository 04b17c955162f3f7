// Operations on many keys: a part for each region and bounded number of keys.
#ifndef FLOTILLA_CLIENT_BATCH_OP_H_
#define FLOTILLA_CLIENT_BATCH_OP_H_

#include <limits>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "client/join.h"
#include "client/region_op.h"

namespace flotilla::client {

// A `Spec` names the messages of a batch and how to fill and read them:
//   Request, Response, kMethod, Result
//   Item                                      one element, in request keys
//   static const std::string& Key(const Item&);   static size_t Bytes(const Item&);
//   static void Add(const Item&, Request&);       static void Clear(Request&);
//   static absl::Status Merge(const KeyCodec&, Response&, Result&);
template <typename Spec>
class BatchPart final
    : public TypedRegionOp<typename Spec::Request, typename Spec::Response, Spec::kMethod> {
 public:
  using Item = typename Spec::Item;
  using Whole = Join<typename Spec::Result>;

  // The items [begin, end) of `items`, which are ordered by key.
  struct Slice {
    std::shared_ptr<const std::vector<Item>> items;
    size_t begin;
    size_t end;
  };

  // REQUIRES: the slice is not empty.
  BatchPart(Core* core, Effect effect, RetryBudget budget, Whole* whole, Slice slice)
      : TypedRegionOp<typename Spec::Request, typename Spec::Response, Spec::kMethod>(core, effect,
                                                                                      budget),
        whole_(whole),
        slice_(std::move(slice)) {}

 private:
  Locator::Position position() const override { return {Spec::Key(item(slice_.begin))}; }

  void FitTo(const CachedRegion& region) override {
    const size_t fitting_end = FittingEnd(region);
    if (fitting_end < slice_.end) {
      auto* rest = new BatchPart(&this->core(), this->effect(), this->budget(), whole_,
                                 {slice_.items, fitting_end, slice_.end});
      rest->set_maybe_applied(this->maybe_applied());
      rest->most_items_ = most_items_;
      slice_.end = fitting_end;
      whole_->Add(rest);
    }
    Spec::Clear(this->request_);
    for (size_t i = slice_.begin; i < slice_.end; ++i) Spec::Add(item(i), this->request_);
  }

  bool AskForLess(std::string_view error) override {
    const size_t items = slice_.end - slice_.begin;
    if (!error.starts_with("AnswerTooLarge") || items <= 1) return false;
    most_items_ = items / 2;
    return true;
  }

  // The end of the items that lie in `region` and fit into one request; at least one does.
  size_t FittingEnd(const CachedRegion& region) {
    const ClientOptions& options = this->core().options();
    const size_t most =
        std::min(slice_.end, slice_.begin + std::min(options.batch_keys, most_items_));
    size_t bytes = Spec::Bytes(item(slice_.begin));
    size_t i = slice_.begin + 1;
    for (; i < most; ++i) {
      bytes += Spec::Bytes(item(i));
      if (bytes > options.batch_bytes || !region.range().Contains(Spec::Key(item(i)))) break;
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

  const Item& item(size_t i) const { return (*slice_.items)[i]; }

  Whole* const whole_;
  Slice slice_;
  size_t most_items_ = std::numeric_limits<size_t>::max();
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_BATCH_OP_H_
