#include "tests/sim/driver.h"

namespace flotilla::sim {

Driver::Driver(ClientNode* client, const std::vector<std::unique_ptr<testing::Workload>>* workloads,
               const Plan& plan, env::Random random)
    : client_(client),
      workloads_(workloads),
      max_pause_(plan.max_client_pause),
      random_(random),
      waker_(client->scheduler().Add(this)),
      next_(static_cast<size_t>(plan.slots), env::Instant()) {}

testing::Caller Driver::CallerNow() {
  return {client_->host(), &client_->raw(), &client_->pd(), &random_};
}

bool Driver::RunOnce() {
  const env::Instant now = client_->scheduler().Now();
  for (size_t slot = 0; slot < next_.size(); ++slot) {
    if (!finishing_ && next_[slot].has_value() && *next_[slot] <= now) Begin(slot);
  }
  return false;
}

std::optional<env::Instant> Driver::next_deadline() const {
  std::optional<env::Instant> first;
  for (const auto& next : next_) {
    if (!finishing_ && next.has_value() && (!first.has_value() || *next < *first)) first = next;
  }
  return first;
}

void Driver::Begin(size_t slot) {
  next_[slot].reset();
  ++busy_;
  // Most of the work is on keys.
  const uint64_t kind = random_.Uniform(10);
  testing::Workload& workload = kind < 6 ? *(*workloads_)[0]
                                : kind < 8
                                    ? *(*workloads_)[1]
                                    : *(*workloads_)[2 + random_.Uniform(workloads_->size() - 2)];
  workload.Begin(CallerNow(), [this, slot] { OnDone(slot); });
}

void Driver::OnDone(size_t slot) {
  --busy_;
  const auto most = static_cast<uint64_t>(max_pause_.count());
  next_[slot] = client_->scheduler().Now() + env::Duration(random_.Uniform(most + 1));
  waker_->Wake();
}

void Driver::BeginLastReads() {
  for (const auto& workload : *workloads_) {
    ++busy_;
    workload->BeginLastReads(CallerNow(), [this] { --busy_; });
  }
}

}  // namespace flotilla::sim
