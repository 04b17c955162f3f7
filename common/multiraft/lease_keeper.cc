#include "common/multiraft/lease_keeper.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/planted_bugs.h"

namespace flotilla::multiraft {

LeaseKeeper::LeaseKeeper(std::shared_ptr<LeaderLease> lease, env::Duration length)
    : lease_(std::move(lease)), length_(length) {
  CHECK(lease_ != nullptr);
}

void LeaseKeeper::OnLeader(Term term) {
  if (term == term_) return;
  OnNotLeader();
  term_ = term;
}

void LeaseKeeper::OnNotLeader() {
  if (term_ == Term()) return;
  lease_->Expire();
  term_ = Term();
  transferring_ = false;
  newest_round_ = 0;
  rounds_.clear();
  expiry_ = env::Instant::min();
}

void LeaseKeeper::OnRoundBegun(uint64_t round, env::Instant before) {
  if (round <= newest_round_) return;
  newest_round_ = round;
  if (rounds_.size() < kMaxRounds) rounds_.push_back({round, before});
}

void LeaseKeeper::OnTransferBegun() {
  if (transferring_ || Planted(Bug::kLeaseOutlivesTransfer)) return;
  transferring_ = true;
  lease_->Expire();
}

void LeaseKeeper::OnQuorum(uint64_t round) {
  if (Planted(Bug::kLeaseWithoutQuorum)) round = newest_round_;
  if (transferring_ || term_ == Term()) return;
  while (!rounds_.empty() && rounds_.front().number <= round) {
    const env::Instant expiry = rounds_.front().before + length_;
    rounds_.pop_front();
    if (expiry <= expiry_) continue;
    expiry_ = expiry;
    lease_->Extend(term_, expiry);
  }
}

}  // namespace flotilla::multiraft
