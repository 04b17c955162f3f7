// The replicator of clients' requests: refuses writes beyond what the store can take. What the
// store proposes itself (splits, changes of members, reads behind proposals) goes past it.
//
// Thread-safe.
#ifndef FLOTILLA_STORE_KV_LIMITED_REPLICATOR_H_
#define FLOTILLA_STORE_KV_LIMITED_REPLICATOR_H_

#include <utility>

#include "store/kv/replicator.h"
#include "store/kv/write_limiter.h"

namespace flotilla::store {

class LimitedReplicator final : public Replicator {
 public:
  // All must outlive the replicator.
  LimitedReplicator(Replicator* replicator, WriteLimiter* limiter, const env::Clock* clock)
      : replicator_(replicator), limiter_(limiter), clock_(clock) {}

  void Propose(RegionId region_id, multiraft::Proposal proposal) override {
    const uint64_t bytes = proposal.command.size() + WriteLimiter::kOverheadBytes;
    absl::Status status = limiter_->Enter(bytes);
    if (!status.ok()) [[unlikely]] {
      std::move(proposal.callback)(std::move(status));
      return;
    }
    proposal.callback = [limiter = limiter_, bytes, entered = clock_->Now(),
                         callback = std::move(proposal.callback)](
                            absl::StatusOr<multiraft::Applied> applied) mutable {
      if (applied.ok()) {
        limiter->LeaveApplied(bytes, entered);
      } else {
        limiter->Leave(bytes);
      }
      std::move(callback)(std::move(applied));
    };
    replicator_->Propose(region_id, std::move(proposal));
  }
  absl::Status CheckRoom(uint64_t bytes, env::Duration allowed) const override {
    return limiter_->Check(bytes, allowed);
  }
  void Read(RegionId region_id, multiraft::ReadRequest request) override {
    replicator_->Read(region_id, std::move(request));
  }

 private:
  Replicator* const replicator_;
  WriteLimiter* const limiter_;
  const env::Clock* const clock_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_KV_LIMITED_REPLICATOR_H_
