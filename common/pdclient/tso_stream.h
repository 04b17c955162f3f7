// Timestamps: whoever waits when the stream can send shares one request. In-order answers.
//
// Thread-safe. A request that was sent and not answered is sent again to the next leader:
// timestamps that nobody got do no harm. A stream that owes answers and gives none for too long,
// though its connection lives, is given up like a broken one, and its connection with it.
#ifndef FLOTILLA_COMMON_PDCLIENT_TSO_STREAM_H_
#define FLOTILLA_COMMON_PDCLIENT_TSO_STREAM_H_

#include <deque>
#include <memory>
#include <vector>

#include "common/base/mutex.h"
#include "common/metrics/registry.h"
#include "common/pdclient/leader_finder.h"
#include "common/pdclient/pd_client.h"
#include "common/rpc/reconnecting_stream.h"
#include "common/rpc/stall_watch.h"

namespace flotilla::pdclient {

inline constexpr uint32_t kMaxTimestampsInRequest = 10'000;

class TsoStream final : public rpc::StreamDelegate, public std::enable_shared_from_this<TsoStream> {
 public:
  struct Limits {
    // A call ends after this time at the latest.
    env::Duration timeout;
    size_t max_waiting;
    rpc::StallWatchOptions stall;
  };
  // `stalled` counts streams that were given up because they stood still; it may be null.
  TsoStream(rpc::EventLoop* loop, std::shared_ptr<LeaderFinder> finder, const Limits& limits,
            metrics::Counter* stalled);

  // Once, before the rest.
  void Open(const rpc::BackoffOptions& backoff, env::Random random);
  void Get(uint32_t count, Callback<Timestamp> done);
  // Ends what waits with Cancelled.
  void Stop();

  void Connect(ConnectDone done) override;
  std::unique_ptr<Message> NewIncoming() const override;
  std::unique_ptr<Message> NewOutgoing() const override;
  void OnIncoming(Message* message) override;
  bool FillNext(Message* message) override;
  bool WantsStream() override;
  void OnUp() override { watch_.OnUp(); }
  void OnDown(const absl::Status& status, bool was_up) override;

 private:
  struct Waiter {
    uint32_t count;
    env::Instant deadline;
    Callback<Timestamp> done;
  };
  // One request that is on its way, and who shares it.
  struct Sent {
    uint32_t count = 0;
    std::vector<Waiter> waiters;
  };

  void ScheduleSweep();
  void Sweep();
  void GiveUpIfStalled();

  rpc::EventLoop* const loop_;
  const std::shared_ptr<LeaderFinder> finder_;
  const Limits limits_;
  metrics::Counter* const stalled_;
  std::shared_ptr<rpc::ReconnectingStream> stream_;
  // Loop thread only.
  std::shared_ptr<rpc::Channel> channel_;
  rpc::StallWatch watch_;
  // The stream answered what was not asked, or nothing, and is being given up.
  bool given_up_ = false;

  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool sweeping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Waiter> waiting_ ABSL_GUARDED_BY(mutex_);
  std::deque<Sent> sent_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::pdclient

#endif  // FLOTILLA_COMMON_PDCLIENT_TSO_STREAM_H_
