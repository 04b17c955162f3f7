#include "common/pdclient/leader_finder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/rpc/client_call.h"

namespace flotilla::pdclient {

std::string StripScheme(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme != url.npos) url.remove_prefix(scheme + 3);
  while (!url.empty() && url.back() == '/') url.remove_suffix(1);
  return std::string(url);
}

// One question to all members. Loop thread only, once it was sent.
struct LeaderFinder::Round {
  size_t unanswered = 0;
  // What to fall back to when no answer names a leader.
  std::optional<pdpb::GetMembersResponse> leaderless;
  absl::Status error;
  MembersCallback done;
};

LeaderFinder::LeaderFinder(rpc::EventLoop* loop, rpc::ChannelPool* pool,
                           std::vector<std::string> endpoints, env::Duration attempt_timeout)
    : loop_(loop),
      pool_(pool),
      endpoints_(std::move(endpoints)),
      attempt_timeout_(attempt_timeout) {
  CHECK(!endpoints_.empty());
}

void LeaderFinder::WithLeader(ChannelCallback done) {
  std::shared_ptr<rpc::Channel> leader;
  {
    MutexLock lock(mutex_);
    leader = leader_;
    if (leader == nullptr) {
      waiting_.push_back(std::move(done));
      if (std::exchange(searching_, true)) return;
    }
  }
  if (leader != nullptr) {
    std::move(done)(std::move(leader));
    return;
  }
  AskMembers([self = shared_from_this()](absl::StatusOr<pdpb::GetMembersResponse> answer) {
    self->OnSearched(answer);
  });
}

void LeaderFinder::Invalidate(const std::shared_ptr<rpc::Channel>& channel) {
  MutexLock lock(mutex_);
  if (leader_ == channel) leader_ = nullptr;
}

void LeaderFinder::GiveUp(const std::shared_ptr<rpc::Channel>& channel) {
  Invalidate(channel);
  pool_->Forget(channel);
}

void LeaderFinder::AskMembers(MembersCallback done) {
  const std::vector<std::string> addresses = Addresses();
  auto round = std::make_shared<Round>();
  round->unanswered = addresses.size();
  round->done = std::move(done);
  // From the loop thread, so that the answers, which come there, find the round complete.
  loop_->Post([self = shared_from_this(), addresses, round] {
    rpc::CallOptions options;
    options.timeout = self->attempt_timeout_;
    for (const std::string& address : addresses) {
      rpc::CallUnary<pdpb::GetMembersResponse>(
          self->loop_, self->pool_->Get(address), "pdpb.PD/GetMembers", pdpb::GetMembersRequest(),
          options, [self, round, address](absl::StatusOr<pdpb::GetMembersResponse> answer) {
            self->OnAnswer(round, address, std::move(answer));
          });
    }
  });
}

void LeaderFinder::OnAnswer(const std::shared_ptr<Round>& round, const std::string& address,
                            absl::StatusOr<pdpb::GetMembersResponse> answer) {
  --round->unanswered;
  absl::Status status = answer.status();
  if (status.ok()) status = CheckCluster(*answer);
  if (!status.ok()) {
    if (round->error.ok()) {
      round->error = absl::Status(status.code(), ToAbsl(fmt::format("PD member {}: {}", address,
                                                                    FromAbsl(status.message()))));
    }
  } else {
    Learn(*answer);
    if (answer->leader().client_urls_size() > 0) {
      if (round->done) std::move(std::exchange(round->done, nullptr))(std::move(answer));
      return;
    }
    round->leaderless = *std::move(answer);
  }
  if (round->unanswered > 0 || !round->done) return;
  if (round->leaderless.has_value()) {
    std::move(std::exchange(round->done, nullptr))(*std::move(round->leaderless));
  } else {
    std::move(std::exchange(round->done, nullptr))(round->error);
  }
}

void LeaderFinder::OnSearched(const absl::StatusOr<pdpb::GetMembersResponse>& answer) {
  absl::StatusOr<std::shared_ptr<rpc::Channel>> leader =
      absl::UnavailableError("no PD member knows a leader");
  if (!answer.ok()) {
    leader = absl::UnavailableError(
        ToAbsl(fmt::format("no PD member answers; {}", FromAbsl(answer.status().message()))));
  } else if (answer->leader().client_urls_size() > 0) {
    leader = pool_->Get(StripScheme(answer->leader().client_urls(0)));
    if (std::exchange(last_found_, (*leader)->address()) != (*leader)->address()) {
      LOG_INFO("PD's leader is {} at {}", answer->leader().name(), (*leader)->address());
    }
  }
  std::vector<ChannelCallback> waiting;
  {
    MutexLock lock(mutex_);
    if (leader.ok()) leader_ = *leader;
    searching_ = false;
    waiting.swap(waiting_);
  }
  for (ChannelCallback& done : waiting) std::move(done)(leader);
}

absl::Status LeaderFinder::CheckCluster(const pdpb::GetMembersResponse& answer) {
  const uint64_t told = answer.header().cluster_id();
  if (told == 0) return absl::UnavailableError("it does not know its cluster's id yet");
  uint64_t known = 0;
  if (!cluster_id_.compare_exchange_strong(known, told) && known != told) {
    return absl::FailedPreconditionError(
        ToAbsl(fmt::format("it is of cluster {}, others are of cluster {}", told, known)));
  }
  return absl::OkStatus();
}

std::vector<std::string> LeaderFinder::Addresses() {
  std::vector<std::string> addresses = endpoints_;
  MutexLock lock(mutex_);
  for (const std::string& address : learned_) {
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
      addresses.push_back(address);
    }
  }
  return addresses;
}

void LeaderFinder::Learn(const pdpb::GetMembersResponse& answer) {
  std::vector<std::string> learned;
  for (const pdpb::Member& member : answer.members()) {
    if (member.client_urls_size() > 0) learned.push_back(StripScheme(member.client_urls(0)));
  }
  MutexLock lock(mutex_);
  if (!learned.empty()) learned_ = std::move(learned);
}

}  // namespace flotilla::pdclient
