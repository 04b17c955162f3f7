// Knows PD's members and which of them leads: asks them all for GetMembers when no leader is known.
//
// Thread-safe. Callbacks come on the loop thread or, when the answer is known, on the caller's.
#ifndef FLOTILLA_COMMON_PDCLIENT_LEADER_FINDER_H_
#define FLOTILLA_COMMON_PDCLIENT_LEADER_FINDER_H_

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/base/mutex.h"
#include "common/rpc/channel.h"
#include "common/rpc/event_loop.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::pdclient {

// "http://host:port/" and "host:port" are the same: host:port.
std::string StripScheme(std::string_view url);

class LeaderFinder final : public std::enable_shared_from_this<LeaderFinder> {
 public:
  using ChannelCallback =
      absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<rpc::Channel>>) &&>;
  using MembersCallback = absl::AnyInvocable<void(absl::StatusOr<pdpb::GetMembersResponse>) &&>;

  // `endpoints`: some members, host:port; others are learned from their answers.
  LeaderFinder(rpc::EventLoop* loop, rpc::ChannelPool* pool, std::vector<std::string> endpoints,
               env::Duration attempt_timeout);

  // The leader, found first if need be. Unavailable when no member that answers knows one.
  void WithLeader(ChannelCallback done);
  // `channel` does not lead (any more), or does not answer: the next WithLeader looks anew.
  void Invalidate(const std::shared_ptr<rpc::Channel>& channel);
  // Something stands still on `channel`, whose connection may be spoiled: likewise, and the next
  // connection to the same member is another one.
  void GiveUp(const std::shared_ptr<rpc::Channel>& channel);
  // The answer of a member that knows the leader or else of any; the first error when none answers.
  void AskMembers(MembersCallback done);

  // 0 until a member has answered.
  ClusterId cluster_id() const { return ClusterId(cluster_id_.load()); }

 private:
  struct Round;

  void OnAnswer(const std::shared_ptr<Round>& round, const std::string& address,
                absl::StatusOr<pdpb::GetMembersResponse> answer);
  void OnSearched(const absl::StatusOr<pdpb::GetMembersResponse>& answer);
  // FailedPrecondition when the member is of another cluster than those before it.
  absl::Status CheckCluster(const pdpb::GetMembersResponse& answer);
  std::vector<std::string> Addresses();
  void Learn(const pdpb::GetMembersResponse& answer);

  rpc::EventLoop* const loop_;
  rpc::ChannelPool* const pool_;
  const std::vector<std::string> endpoints_;
  const env::Duration attempt_timeout_;
  std::atomic<uint64_t> cluster_id_{0};
  // Loop thread only: the leader that the log was told of last.
  std::string last_found_;

  Mutex mutex_;
  std::vector<std::string> learned_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<rpc::Channel> leader_ ABSL_GUARDED_BY(mutex_);
  bool searching_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<ChannelCallback> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::pdclient

#endif  // FLOTILLA_COMMON_PDCLIENT_LEADER_FINDER_H_
