// One request to one region, until it is answered: locate, send, judge the answer, repair the
// routes, wait, send again.
//
//   Start -> locate the region -> FitTo(region) -> connect to its target -> Send
//         -> answered: Accept, which ends the operation or moves it on (a scan's next page)
//         -> refused: ReactTo..., repair the caches, wait as the arm asks, Start again
//         -> no retry left: Finish(status)
//
// Runs on the caller's thread first, later on the RPC threads and the executor, never on two at
// once. An operation owns itself: it is made by new and gone after Finish.
#ifndef FLOTILLA_CLIENT_REGION_OP_H_
#define FLOTILLA_CLIENT_REGION_OP_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "client/backoff.h"
#include "client/core.h"
#include "client/locator.h"
#include "client/reaction.h"
#include "client/store_rpc.h"

namespace flotilla::client {

// What may be done when nobody knows whether a request took effect, or still will: a copy of it may
// be held back on its way for any time and be executed after whatever was written meanwhile.
enum class Effect {
  kRead,             // Ask again; it has none.
  kRepeatableWrite,  // Ask again: a late copy does no harm. Undetermined if no answer comes at all.
  kOnceWrite,        // Never again: Undetermined at once.
};

class RegionOp {
 public:
  virtual ~RegionOp() = default;
  RegionOp(const RegionOp&) = delete;
  RegionOp& operator=(const RegionOp&) = delete;

  // Ends in Finish, maybe before it returns.
  void Start();

 protected:
  RegionOp(Core* core, Effect effect, RetryBudget budget)
      : core_(core), budget_(budget), effect_(effect) {}

  // Where to go, in request keys.
  virtual Locator::Position position() const = 0;
  // Makes the request fit `region`: what reaches beyond it is cut off and taken care of elsewhere.
  // Called before each attempt.
  virtual void FitTo(const CachedRegion& region) = 0;
  virtual kvrpcpb::Context* mutable_context() = 0;
  virtual void Send(StoreConnection& store, env::Instant deadline, rpc::Done done) = 0;
  // Of the response; null: none.
  virtual const errorpb::Error* region_error() const = 0;
  // The command's own error in the response; empty: none.
  virtual std::string_view command_error() const = 0;
  // Makes the request ask for less, because its answer would be too large for the store. False when
  // that is not what `error` says, or when there is no less.
  virtual bool AskForLess(std::string_view /*error*/) { return false; }
  // Takes the answer in. True: the operation is done. False: go on from position(). An error when
  // the answer makes no sense.
  virtual absl::StatusOr<bool> Accept() = 0;
  // The end; OK or what went wrong. `this` may be deleted by it.
  virtual void Finish(absl::Status status) = 0;

  Core& core() { return *core_; }
  const RetryBudget& budget() const { return budget_; }
  // The region of the latest attempt. REQUIRES: there was one.
  const CachedRegion& region() const { return *region_; }
  Effect effect() const { return effect_; }
  // A part of a batch is as undetermined as the whole from which it was cut.
  bool maybe_applied() const { return maybe_applied_; }
  void set_maybe_applied(bool value) { maybe_applied_ = value; }

 private:
  void OnLocated(absl::StatusOr<RegionRef> region);
  void OnConnected(absl::StatusOr<std::shared_ptr<StoreConnection>> store);
  void Attempt(StoreConnection& store);
  void FillContext();
  void OnAnswer(absl::Status status);
  void OnRefused(Reaction reaction);
  void Repair(Reaction& reaction);
  void ForgetRegion();
  void RetryAfter(BackoffKind kind, env::Duration least_wait, absl::Status error);
  void Fail(absl::Status error);

  Core* const core_;
  RetryBudget budget_;
  RegionRef region_;
  std::shared_ptr<StoreConnection> store_;
  PeerRoute target_;
  const Effect effect_;
  bool maybe_applied_ = false;
  // Peers of the same route that were tried in vain: after all of them the route is asked anew.
  uint32_t failed_peers_ = 0;
};

// A RegionOp whose request and response are one pair of messages of the protocol.
template <typename Request, typename Response, StoreConnection::Method<Request, Response> kMethod>
class TypedRegionOp : public RegionOp {
 protected:
  using RegionOp::RegionOp;

  kvrpcpb::Context* mutable_context() final { return request_.mutable_context(); }
  void Send(StoreConnection& store, env::Instant deadline, rpc::Done done) final {
    response_.Clear();
    (store.*kMethod)(request_, &response_, deadline, std::move(done));
  }
  const errorpb::Error* region_error() const final {
    return response_.has_region_error() ? &response_.region_error() : nullptr;
  }
  std::string_view command_error() const override {
    if constexpr (requires { response_.error(); }) {
      return response_.error();
    } else if constexpr (requires { response_.kvs(); }) {
      return ErrorIn(response_.kvs());
    } else if constexpr (requires { response_.pairs(); }) {
      return ErrorIn(response_.pairs());
    } else {
      return {};
    }
  }

  Request request_;
  Response response_;

 private:
  // Answers that have no other place for an error hold one pair that stands for it.
  template <typename Pairs>
  static std::string_view ErrorIn(const Pairs& pairs) {
    if (pairs.empty() || !pairs[0].has_error()) return {};
    const std::string& abort = pairs[0].error().abort();
    return abort.empty() ? std::string_view("no reason is given") : abort;
  }
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_REGION_OP_H_
