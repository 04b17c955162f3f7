#include "tests/support/kv_client.h"

#include <utility>

#include "common/base/log.h"
#include "common/errors/region_error.h"

namespace flotilla::testing {
namespace {

constexpr env::Duration kGiveUp = std::chrono::seconds(2);

}  // namespace

bool KvClient::RunOnce() {
  const env::Instant now = cluster_->world().now();
  if (lease_read_) {
    const LeaseRead read = *std::exchange(lease_read_, std::nullopt);
    // The store may have died, or lost the group, between the steps: then there is no answer.
    if (cluster_->IsUp(read.store) &&
        cluster_->store(read.store).Incarnation(RegionId(read.region)) == read.incarnation) {
      const KvGroupStorage storage = cluster_->store(read.store).Storage(RegionId(read.region));
      cluster_->history().EndRead(read.operation, storage.Get(read.operation.key));
    }
    Done();
  } else if (busy_ && now >= give_up_) {
    Done();
  } else if (!busy_ && !finishing_ && (!next_ || now >= *next_)) {
    Begin();
  }
  return false;
}

void KvClient::Done() {
  busy_ = false;
  ++generation_;
  next_ = cluster_->world().now() + env::Duration(random_.Uniform(max_pause_.count() + 1));
  waker_->Wake();
}

void KvClient::Begin() {
  const int store = 1 + static_cast<int>(random_.Uniform(cluster_->stores()));
  const int region = 1 + static_cast<int>(random_.Uniform(cluster_->regions()));
  const std::string key = fmt::format("r{}k{}", region, random_.Uniform(kKeys));
  if (!cluster_->IsUp(store)) {
    Done();
    return;
  }
  busy_ = true;
  give_up_ = cluster_->world().now() + kGiveUp;
  next_ = give_up_;
  switch (random_.Uniform(4)) {
    case 0:
    case 1:
      return Write(store, region, key);
    case 2:
      return ReadByHost(store, region, key);
    default:
      return ReadByLease(store, region, key);
  }
}

void KvClient::Write(int store, int region, const std::string& key) {
  KvCommand command;
  command.kind = random_.Chance(0.2) ? KvCommand::Kind::kAppend : KvCommand::Kind::kPut;
  command.key = key;
  command.value = fmt::format("{}-{}", number_, ++values_);
  multiraft::Proposal proposal;
  proposal.command = EncodeKvCommand(command);
  proposal.own_entry = command.kind == KvCommand::Kind::kAppend;
  if (random_.Chance(0.3)) {
    proposal.deadline = cluster_->process(store).Now() + std::chrono::milliseconds(300);
  }
  const auto write = cluster_->history().BeginWrite(key, command.value);
  proposal.callback = [this, write, mine = generation_](absl::StatusOr<multiraft::Applied> result) {
    // An answer that comes after the client gave up is true all the same.
    if (result.ok()) {
      cluster_->history().EndWrite(write, result->at);
    } else if (!errors::IsUndetermined(result.status())) {
      cluster_->history().RefuseWrite(write);
    }
    if (mine == generation_) Done();
  };
  cluster_->store(store).host().Propose(RegionId(region), std::move(proposal));
}

void KvClient::ReadByHost(int store, int region, const std::string& key) {
  multiraft::ReadRequest request;
  if (random_.Chance(0.3)) {
    request.deadline = cluster_->process(store).Now() + std::chrono::milliseconds(300);
  }
  const KvGroupStorage storage = cluster_->store(store).Storage(RegionId(region));
  request.callback = [this, storage, read = cluster_->history().BeginRead(key),
                      mine = generation_](absl::Status status) {
    if (status.ok()) cluster_->history().EndRead(read, storage.Get(read.key));
    if (mine == generation_) Done();
  };
  cluster_->store(store).host().Read(RegionId(region), std::move(request));
}

void KvClient::ReadByLease(int store, int region, const std::string& key) {
  const auto lease = cluster_->store(store).Lease(RegionId(region));
  const uint64_t incarnation = cluster_->store(store).Incarnation(RegionId(region));
  const auto read = cluster_->history().BeginRead(key);
  if (lease == nullptr || incarnation == 0 || cluster_->process(store).paused() ||
      !lease->ValidAt(cluster_->process(store).Now())) {
    Done();
    return;
  }
  lease_read_ = LeaseRead{store, region, incarnation, read};
  waker_->Wake();
}

}  // namespace flotilla::testing
