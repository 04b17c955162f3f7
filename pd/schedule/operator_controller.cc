#include "pd/schedule/operator_controller.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"

namespace flotilla::pd {
namespace {

// FailedPrecondition when the region is not the one that the operator was made for any more: its
// range changed, or its peers changed by more than the operator's own steps explain.
absl::Status CheckSameRegion(const Operator& op, size_t steps_begun, const RegionInfo& region) {
  bool splits = false;
  uint64_t own_changes = 0;
  for (size_t i = 0; i < steps_begun && i < op.steps.size(); ++i) {
    own_changes += ConfVerChange(op.steps[i]);
    splits = splits || IsSplit(op.steps[i]);
  }
  if (region.version() != op.version && !splits) {
    return absl::FailedPreconditionError(
        absl::StrCat("the region was split or merged: ", DescribeRegion(region.meta)));
  }
  if (region.conf_ver() > op.conf_ver + own_changes) {
    return absl::FailedPreconditionError(
        absl::StrCat("the region's peers were changed by others: ", DescribeRegion(region.meta)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status OperatorController::Add(Operator op) {
  MutexLock lock(mutex_);
  if (running_.contains(op.region_id)) {
    return absl::AlreadyExistsError(
        absl::StrCat("region ", op.region_id.value(), " has an operator under way"));
  }
  if (op.steps.empty()) {
    history_.push_back({op.desc, op.kind, op.region_id, pdpb::SUCCESS, "nothing to do"});
    if (history_.size() > limits_.history) history_.pop_front();
    return absl::OkStatus();
  }
  size_t& count = running_by_kind_[static_cast<size_t>(op.kind)];
  if (count >= Limit(op.kind)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", Limit(op.kind), " operators work on it already"));
  }
  ++count;
  LOG_INFO("region {}: operator {} begins: {}", op.region_id, op.desc, Describe(op.steps.front()));
  const RegionId region = op.region_id;
  running_.emplace(region, Run{std::move(op), 0, clock_->Now(), std::nullopt});
  return absl::OkStatus();
}

bool OperatorController::AdvanceSteps(Runs::iterator it, const RegionInfo& region) {
  Run& run = it->second;
  absl::Status status = CheckSameRegion(run.op, run.step + 1, region);
  if (!status.ok()) {
    Finish(it, pdpb::CANCEL, std::string(status.message()));
    return false;
  }
  while (run.step < run.op.steps.size() && IsFinished(run.op.steps[run.step], region)) {
    ++run.step;
    run.step_began = clock_->Now();
    run.told.reset();
  }
  if (run.step == run.op.steps.size()) {
    Finish(it, pdpb::SUCCESS, "");
    return false;
  }
  status = CheckInProgress(run.op.steps[run.step], region);
  if (!status.ok()) {
    Finish(it, pdpb::CANCEL, std::string(status.message()));
    return false;
  }
  return true;
}

std::optional<pdpb::RegionHeartbeatResponse> OperatorController::OnRegion(
    const RegionInfo& region) {
  if (!region.HasLeader()) return std::nullopt;
  MutexLock lock(mutex_);
  const auto it = running_.find(region.id());
  if (it == running_.end() || !AdvanceSteps(it, region)) return std::nullopt;
  Run& run = it->second;
  const env::Instant now = clock_->Now();
  if (run.told.has_value() && now - *run.told < limits_.resend_after) return std::nullopt;
  run.told = now;
  pdpb::RegionHeartbeatResponse response;
  FillInstruction(run.op.steps[run.step], region, &response);
  return response;
}

std::vector<RegionId> OperatorController::RegionsToRemind() const {
  MutexLock lock(mutex_);
  const env::Instant now = clock_->Now();
  std::vector<RegionId> regions;
  for (const auto& [region, run] : running_) {
    if (!run.told.has_value() || now - *run.told >= limits_.resend_after) {
      regions.push_back(region);
    }
  }
  return regions;
}

void OperatorController::ExpireOverdue() {
  MutexLock lock(mutex_);
  const env::Instant now = clock_->Now();
  GiveUp(pdpb::TIMEOUT, [now](const Run& run) -> std::string {
    const OpStep& step = run.op.steps[run.step];
    if (now - run.step_began <= StepTimeout(step)) return "";
    return absl::StrCat("step took too long: ", Describe(step));
  });
}

void OperatorController::GiveUpLostTargets(const absl::btree_set<StoreId>& lost) {
  if (lost.empty()) return;
  MutexLock lock(mutex_);
  GiveUp(pdpb::CANCEL, [&lost](const Run& run) -> std::string {
    const OpStep& step = run.op.steps[run.step];
    const auto* add = std::get_if<AddLearner>(&step);
    const auto* promote = std::get_if<PromoteLearner>(&step);
    const StoreId target = add != nullptr       ? add->store
                           : promote != nullptr ? promote->store
                                                : StoreId();
    if (!lost.contains(target)) return "";
    return absl::StrCat("store ", target.value(), " is lost: ", Describe(step));
  });
}

void OperatorController::GiveUp(pdpb::OperatorStatus status,
                                absl::FunctionRef<std::string(const Run&)> why) {
  // Erasing from a btree moves its neighbours.
  std::vector<RegionId> regions;
  for (const auto& [region, run] : running_) regions.push_back(region);
  for (const RegionId region : regions) {
    const auto it = running_.find(region);
    if (std::string reason = why(it->second); !reason.empty()) {
      Finish(it, status, std::move(reason));
    }
  }
}

bool OperatorController::HasOperator(RegionId region) const {
  MutexLock lock(mutex_);
  return running_.contains(region);
}

bool OperatorController::HasRoom(OperatorKind kind) const {
  MutexLock lock(mutex_);
  return running_by_kind_[static_cast<size_t>(kind)] < Limit(kind);
}

size_t OperatorController::running_count() const {
  MutexLock lock(mutex_);
  return running_.size();
}

absl::btree_map<StoreId, int> OperatorController::AddingPeers() const {
  MutexLock lock(mutex_);
  absl::btree_map<StoreId, int> adding;
  for (const auto& [region, run] : running_) {
    for (size_t i = run.step; i < run.op.steps.size(); ++i) {
      if (const auto* add = std::get_if<AddLearner>(&run.op.steps[i])) ++adding[add->store];
    }
  }
  return adding;
}

std::optional<OperatorRecord> OperatorController::Status(RegionId region) const {
  MutexLock lock(mutex_);
  if (const auto it = running_.find(region); it != running_.end()) {
    return OperatorRecord{it->second.op.desc, it->second.op.kind, region, pdpb::RUNNING, ""};
  }
  for (auto it = history_.rbegin(); it != history_.rend(); ++it) {
    if (it->region_id == region) return *it;
  }
  return std::nullopt;
}

std::vector<std::pair<OperatorRecord, std::string>> OperatorController::Running() const {
  MutexLock lock(mutex_);
  std::vector<std::pair<OperatorRecord, std::string>> all;
  for (const auto& [region, run] : running_) {
    all.emplace_back(OperatorRecord{run.op.desc, run.op.kind, region, pdpb::RUNNING, ""},
                     Describe(run.op.steps[run.step]));
  }
  return all;
}

size_t OperatorController::Limit(OperatorKind kind) const {
  switch (kind) {
    case OperatorKind::kReplica:
      return limits_.replica;
    case OperatorKind::kLeader:
      return limits_.leader;
    case OperatorKind::kSplit:
      return limits_.split;
  }
  return 0;
}

void OperatorController::Finish(Runs::iterator it, pdpb::OperatorStatus status,
                                std::string reason) {
  const Operator& op = it->second.op;
  LOG_INFO("region {}: operator {} ends: {}{}{}", op.region_id, op.desc,
           pdpb::OperatorStatus_Name(status), reason.empty() ? "" : ", ", reason);
  --running_by_kind_[static_cast<size_t>(op.kind)];
  history_.push_back({op.desc, op.kind, op.region_id, status, std::move(reason)});
  if (history_.size() > limits_.history) history_.pop_front();
  running_.erase(it);
}

}  // namespace flotilla::pd
