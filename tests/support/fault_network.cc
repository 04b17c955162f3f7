#include "tests/support/fault_network.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/check.h"

namespace flotilla::testing {

namespace {

// About what it takes on the wire.
uint64_t BytesOf(const net::Envelope& envelope) {
  uint64_t bytes = 100 + envelope.context.size();
  if (const auto* append = std::get_if<raft::AppendRequest>(&envelope.message.body)) {
    for (const raft::Entry& entry : append->entries) bytes += 20 + entry.data.size();
  }
  return bytes;
}

}  // namespace

class FaultNetwork::Port final : public net::Transport {
 public:
  explicit Port(FaultNetwork* network) : network_(network) {}
  void Send(net::Envelope envelope) override { network_->Send(std::move(envelope)); }

 private:
  FaultNetwork* const network_;
};

FaultNetwork::FaultNetwork(const env::Clock* clock, env::Random random)
    : clock_(clock), random_(random) {}

FaultNetwork::~FaultNetwork() = default;

void FaultNetwork::SetFaults(const NetworkFaults& faults) {
  MutexLock lock(mutex_);
  faults_ = faults;
}

void FaultNetwork::SetFilter(std::function<bool(const net::Envelope&)> passes) {
  MutexLock lock(mutex_);
  passes_ = std::move(passes);
}

net::Transport* FaultNetwork::TransportOf(StoreId store) {
  MutexLock lock(mutex_);
  auto& port = ports_[store];
  if (port == nullptr) port = std::make_unique<Port>(this);
  return port.get();
}

void FaultNetwork::SetHandler(StoreId store, net::MessageHandler handler) {
  MutexLock lock(mutex_);
  handlers_[store] = handler ? std::make_shared<net::MessageHandler>(std::move(handler)) : nullptr;
}

void FaultNetwork::Cut(StoreId from, StoreId to) {
  MutexLock lock(mutex_);
  cut_.insert({from, to});
}

void FaultNetwork::Isolate(StoreId store) {
  MutexLock lock(mutex_);
  isolated_.insert(store);
}

void FaultNetwork::Heal() {
  MutexLock lock(mutex_);
  cut_.clear();
  isolated_.clear();
}

void FaultNetwork::Heal(StoreId from, StoreId to) {
  MutexLock lock(mutex_);
  cut_.erase({from, to});
}

bool FaultNetwork::Connects(StoreId from, StoreId to) const {
  MutexLock lock(mutex_);
  return !IsCut(from, to);
}

bool FaultNetwork::IsCut(StoreId from, StoreId to) const {
  return cut_.contains({from, to}) || isolated_.contains(from) || isolated_.contains(to);
}

void FaultNetwork::Mute(StoreId store, bool mute) {
  MutexLock lock(mutex_);
  if (mute) {
    muted_.insert(store);
  } else {
    muted_.erase(store);
  }
}

void FaultNetwork::Send(net::Envelope envelope) {
  {
    MutexLock lock(mutex_);
    if (muted_.contains(envelope.from_store)) return;
    // The network of production drops what names nobody.
    CHECK(envelope.message.from != PeerId() && envelope.message.to != PeerId() &&
          envelope.message.from != envelope.message.to)
        << "region " << envelope.region_id << ": a message from peer " << envelope.message.from
        << " to peer " << envelope.message.to;
    if (tap_) tap_(envelope);
    if (passes_ && !passes_(envelope)) return;
    if (faults_.replay > 0) {
      Remember(envelope);
      if (random_.Chance(faults_.replay)) {
        const std::vector<net::Envelope>& from = random_.Chance(0.5) ? remembered_ : sampled_;
        Post(from[random_.Uniform(from.size())]);
      }
    }
    if (random_.Chance(faults_.drop)) return;
    Post(envelope);
    if (random_.Chance(faults_.duplicate)) Post(envelope);
  }
  if (waker_ != nullptr) waker_->Wake();
}

void FaultNetwork::Post(const net::Envelope& envelope) {
  const env::Duration delay(random_.Between(faults_.min_delay.count(), faults_.max_delay.count()));
  env::Instant leaves = clock_->Now();
  if (faults_.bytes_per_second > 0) {
    env::Instant& busy = busy_until_[{envelope.from_store, envelope.to_store}];
    if (busy > leaves + kLongestQueue) return;
    busy = std::max(busy, leaves) +
           std::chrono::nanoseconds(BytesOf(envelope) * 1'000'000'000 / faults_.bytes_per_second);
    leaves = busy;
  }
  on_the_way_.emplace(leaves + delay, envelope);
}

// Half of them of the last while; the others of all times, each as likely as any other (Vitter's
// algorithm R), so that messages come again that are minutes old.
void FaultNetwork::Remember(const net::Envelope& envelope) {
  ++sent_;
  if (remembered_.size() < kRemembered) {
    remembered_.push_back(envelope);
    sampled_.push_back(envelope);
    return;
  }
  remembered_[random_.Uniform(kRemembered)] = envelope;
  if (const uint64_t place = random_.Uniform(sent_); place < kRemembered)
    sampled_[place] = envelope;
}

void FaultNetwork::WaitUntilIdle() { MutexLock lock(delivering_); }

bool FaultNetwork::RunOnce() {
  MutexLock delivering(delivering_);
  std::vector<std::pair<std::shared_ptr<net::MessageHandler>, net::Envelope>> due;
  {
    MutexLock lock(mutex_);
    const env::Instant now = clock_->Now();
    while (!on_the_way_.empty() && on_the_way_.begin()->first <= now) {
      net::Envelope envelope = std::move(on_the_way_.begin()->second);
      on_the_way_.erase(on_the_way_.begin());
      const StoreId from = envelope.from_store;
      const StoreId to = envelope.to_store;
      if (!IsCut(from, to) && handlers_[to] != nullptr)
        due.emplace_back(handlers_[to], std::move(envelope));
    }
  }
  for (auto& [handler, envelope] : due) (*handler)(std::move(envelope));
  return false;
}

std::optional<env::Instant> FaultNetwork::next_deadline() const {
  MutexLock lock(mutex_);
  if (on_the_way_.empty()) return std::nullopt;
  return on_the_way_.begin()->first;
}

}  // namespace flotilla::testing
