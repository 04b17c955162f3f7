// Connections to servers, and a pool of them by address.
#ifndef FLOTILLA_COMMON_RPC_CHANNEL_H_
#define FLOTILLA_COMMON_RPC_CHANNEL_H_

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/mutex.h"
#include "common/env/clock.h"

namespace grpc {
class Channel;
}

namespace flotilla::rpc {

struct ChannelOptions {
  // A connection on which nothing came for this long is pinged; without an answer in time it is
  // given up. Finds peers whose machine stopped without a word.
  env::Duration keepalive_interval = std::chrono::seconds(10);
  env::Duration keepalive_timeout = std::chrono::seconds(3);
  // Between attempts to connect, the transport waits from `first` up to `max`.
  env::Duration reconnect_first = std::chrono::milliseconds(50);
  env::Duration reconnect_max = std::chrono::seconds(1);
};

// One connection, made when first used and again when lost. Responses may be as large as the server
// makes them. Thread-safe.
class Channel {
 public:
  // `address`: host:port. Channels share no connections.
  Channel(std::string address, const ChannelOptions& options);
  ~Channel();

  const std::string& address() const { return address_; }
  // Made by the first call: where nothing goes through gRPC, a channel is an address.
  const std::shared_ptr<grpc::Channel>& grpc_channel() const;

 private:
  const std::string address_;
  const ChannelOptions options_;
  mutable std::once_flag once_;
  // Constant once it was made.
  mutable std::shared_ptr<grpc::Channel> channel_;
};

// Thread-safe. Holds a channel for each address asked for until it is forgotten, and never more
// than `max_channels`: beyond that, those that nobody else uses go first.
class ChannelPool {
 public:
  explicit ChannelPool(const ChannelOptions& options = {}, size_t max_channels = 4096);

  // `number` tells several connections to one address apart.
  std::shared_ptr<Channel> Get(std::string_view address, int number = 0);
  // A connection for its caller alone, which the pool does not hold: it ends with its last user.
  // For long streams, so that one that goes wrong takes its connection with it.
  std::shared_ptr<Channel> NewChannel(std::string_view address) const;
  // Users of a forgotten channel keep it.
  void Forget(std::string_view address);
  // Likewise, if the pool still holds this one.
  void Forget(const std::shared_ptr<Channel>& channel);
  size_t size() const;

 private:
  void EvictUnused() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ChannelOptions options_;
  const size_t max_channels_;
  mutable Mutex mutex_;
  std::map<std::pair<std::string, int>, std::shared_ptr<Channel>> channels_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_CHANNEL_H_
