#include "pd/schedule/coordinator.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "pd/schedule/store_loss.h"

namespace flotilla::pd {
namespace {

constexpr env::Duration kBurialInterval = std::chrono::seconds(2);
// Well below the 10 s that a store waits for it.
constexpr env::Duration kAcknowledgeInterval = std::chrono::seconds(1);

}  // namespace

Coordinator::Coordinator(const ScheduleConfig& config, Parts parts, env::Random random,
                         AllocateIds allocate_ids, BuryStore bury_store)
    : config_(config),
      parts_(parts),
      random_(random),
      allocate_ids_(std::move(allocate_ids)),
      bury_store_(std::move(bury_store)) {}

void Coordinator::Tick() {
  parts_.operators->ExpireOverdue();
  adding_ = parts_.operators->AddingPeers();
  {
    MutexLock lock(mutex_);
    cuts_ = boundaries_;
    for (const SplitWait& wait : waits_) cuts_.insert(wait.keys.begin(), wait.keys.end());
  }
  Patrol();
  BalanceLeadersIfDue();
  Remind();
  BuryLostStoresIfDue();
  AcknowledgeReportsIfDue();
  AnswerSplits();
}

void Coordinator::AddBoundaries(const std::vector<std::string>& keys) {
  MutexLock lock(mutex_);
  boundaries_.insert(keys.begin(), keys.end());
}

void Coordinator::SplitAt(std::vector<std::string> keys, env::Instant deadline,
                          SplitCallback done) {
  absl::Status refused;
  {
    MutexLock lock(mutex_);
    if (!closed_.ok()) {
      refused = closed_;
    } else if (waiting_keys_ + keys.size() > kMaxWaitingSplitKeys) {
      refused = absl::ResourceExhaustedError(
          absl::StrCat("more than ", kMaxWaitingSplitKeys, " keys wait to be split at"));
    } else {
      waiting_keys_ += keys.size();
      waits_.push_back({std::move(keys), deadline, std::move(done)});
    }
  }
  if (!refused.ok()) std::move(done)(refused);
}

void Coordinator::Close(const absl::Status& reason) {
  std::vector<SplitWait> waits;
  {
    MutexLock lock(mutex_);
    closed_ = reason;
    waits.swap(waits_);
  }
  for (SplitWait& wait : waits) std::move(wait.done)(reason);
}

Coordinator::SplitOutcome Coordinator::LookAtSplit(const std::vector<std::string>& keys) const {
  SplitOutcome outcome;
  for (const std::string& key : keys) {
    const RegionPtr region = parts_.cluster->GetRegionByKey(key);
    if (region == nullptr || region->start() != key) continue;
    ++outcome.finished_keys;
    outcome.regions.push_back(region->id());
  }
  return outcome;
}

void Coordinator::AnswerSplits() {
  std::vector<std::pair<SplitCallback, SplitOutcome>> answers;
  env::Instant now;
  parts_.cluster->WithView([&](const ClusterView& view) { now = view.now; });
  {
    MutexLock lock(mutex_);
    size_t answered_keys = 0;
    std::erase_if(waits_, [&](SplitWait& wait) {
      SplitOutcome outcome = LookAtSplit(wait.keys);
      if (outcome.finished_keys < wait.keys.size() && now < wait.deadline) return false;
      answered_keys += wait.keys.size();
      answers.emplace_back(std::move(wait.done), std::move(outcome));
      return true;
    });
    waiting_keys_ -= answered_keys;
  }
  for (auto& [done, outcome] : answers) std::move(done)(std::move(outcome));
}

void Coordinator::Patrol() {
  found_.clear();
  const RegionId before = patrolled_;
  parts_.cluster->WithView([this](const ClusterView& view) {
    const std::vector<RegionPtr> batch = view.regions.NextById(patrolled_, config_.patrol_batch);
    // The end of the walk: from the beginning next time.
    patrolled_ = batch.size() < config_.patrol_batch ? RegionId() : batch.back()->id();
    for (const RegionPtr& region : batch) CheckRegion(view, *region);
    lost_.clear();
    for (const auto& [id, store] : view.stores) {
      if (store.IsLost(view.now)) lost_.insert(id);
    }
  });
  parts_.operators->GiveUpLostTargets(lost_);
  if (found_.empty()) peer_ids_->Clear();
  for (Operator& op : found_) {
    if (!FillPeerIds(op)) {
      RefillPeerIds();
      // The next round begins here again: ids are not kept for longer.
      patrolled_ = before;
      break;
    }
    const absl::Status status = parts_.operators->Add(std::move(op));
    if (!status.ok()) LOG_DEBUG("operator is not taken: {}", status.ToString());
  }
}

void Coordinator::CheckRegion(const ClusterView& view, const RegionInfo& region) {
  if (parts_.operators->HasOperator(region.id())) return;
  std::optional<Operator> op = CheckSplit(cuts_, region);
  if (!op.has_value()) {
    if (!parts_.operators->HasRoom(OperatorKind::kReplica)) return;
    op = CheckReplicas(config_.replica, view, region, adding_);
  }
  if (!op.has_value()) return;
  for (const OpStep& step : op->steps) {
    if (const auto* add = std::get_if<AddLearner>(&step)) ++adding_[add->store];
  }
  found_.push_back(*std::move(op));
}

void Coordinator::BalanceLeadersIfDue() {
  if (!config_.balance_leaders || !parts_.operators->HasRoom(OperatorKind::kLeader)) return;
  std::optional<Operator> op;
  parts_.cluster->WithView([&](const ClusterView& view) {
    if (view.now - last_balance_ < config_.balance_interval) return;
    last_balance_ = view.now;
    op = BalanceLeaders(config_.leader_balance, view, random_,
                        [this](RegionId region) { return parts_.operators->HasOperator(region); });
  });
  if (!op.has_value()) return;
  const absl::Status status = parts_.operators->Add(*std::move(op));
  if (!status.ok()) LOG_DEBUG("leader is not moved: {}", status.ToString());
}

void Coordinator::Remind() {
  for (const RegionId id : parts_.operators->RegionsToRemind()) {
    const RegionPtr region = parts_.cluster->GetRegion(id);
    if (region != nullptr) Push(*region);
  }
}

void Coordinator::BuryLostStoresIfDue() {
  std::vector<StoreId> stores;
  parts_.cluster->WithView([&](const ClusterView& view) {
    if (view.now - last_burial_ < kBurialInterval) return;
    last_burial_ = view.now;
    stores = LostStoresToBury(view);
  });
  for (const StoreId store : stores) bury_store_(store);
}

void Coordinator::AcknowledgeReportsIfDue() {
  env::Instant now;
  parts_.cluster->WithView([&](const ClusterView& view) { now = view.now; });
  if (now - last_acknowledgement_ < kAcknowledgeInterval) return;
  last_acknowledgement_ = now;
  parts_.streams->Acknowledge();
}

void Coordinator::Push(const RegionInfo& region) {
  std::optional<pdpb::RegionHeartbeatResponse> instruction = parts_.operators->OnRegion(region);
  if (!instruction.has_value()) return;
  // Without a stream it is told in answer to the region's next heartbeat.
  (void)parts_.streams->Send(region.leader_store(), *std::move(instruction));
}

bool Coordinator::FillPeerIds(Operator& op) {
  const RegionPtr region = parts_.cluster->GetRegion(op.region_id);
  if (region == nullptr) return false;
  // A region that a split made got its peers' ids together with its own.
  uint64_t floor = region->id().value();
  for (const metapb::Peer& peer : region->meta.peers()) floor = std::max(floor, peer.id());
  PeerId peer;
  for (OpStep& step : op.steps) {
    if (auto* add = std::get_if<AddLearner>(&step); add != nullptr && add->peer == PeerId()) {
      peer = peer_ids_->TakeAbove(floor);
      if (peer == PeerId()) return false;
      add->peer = peer;
    }
    if (auto* promote = std::get_if<PromoteLearner>(&step);
        promote != nullptr && promote->peer == PeerId()) {
      promote->peer = peer;
    }
  }
  return true;
}

void Coordinator::RefillPeerIds() {
  if (!peer_ids_->BeginRefill()) return;
  allocate_ids_(PeerIdPool::kRefill, [pool = peer_ids_](absl::StatusOr<uint64_t> first) {
    pool->OnRefilled(first.value_or(0));
  });
}

}  // namespace flotilla::pd
