#include "common/rpc/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

namespace flotilla::rpc {
namespace {

int Millis(env::Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

std::shared_ptr<grpc::Channel> Connect(const std::string& address, const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  // Without the filters that we do not use (compression, size limits, tracing) a call costs less;
  // deadlines are one of them and are asked for.
  arguments.SetInt(GRPC_ARG_MINIMAL_STACK, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, Millis(options.keepalive_interval));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Millis(options.keepalive_timeout));
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, Millis(options.reconnect_first));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, Millis(options.reconnect_max));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Millis(options.reconnect_max));
  // A name is looked up again when the connection breaks; no proxy, no service configuration from
  // DNS: what is dialled is what was asked for.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // Each channel has a connection of its own: one that another channel of the process had to an
  // address may be dead, and nobody has noticed yet.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

Channel::Channel(std::string address, const ChannelOptions& options)
    : address_(std::move(address)), options_(options) {}

Channel::~Channel() = default;

const std::shared_ptr<grpc::Channel>& Channel::grpc_channel() const {
  std::call_once(once_, [this] { channel_ = Connect(address_, options_); });
  return channel_;
}

ChannelPool::ChannelPool(const ChannelOptions& options, size_t max_channels)
    : options_(options), max_channels_(max_channels) {}

std::shared_ptr<Channel> ChannelPool::Get(std::string_view address, int number) {
  MutexLock lock(mutex_);
  const std::pair<std::string, int> key(address, number);
  const auto found = channels_.find(key);
  if (found != channels_.end()) return found->second;
  if (channels_.size() >= max_channels_) EvictUnused();
  return channels_.emplace(key, std::make_shared<Channel>(key.first, options_)).first->second;
}

std::shared_ptr<Channel> ChannelPool::NewChannel(std::string_view address) const {
  return std::make_shared<Channel>(std::string(address), options_);
}

void ChannelPool::Forget(std::string_view address) {
  MutexLock lock(mutex_);
  const std::string key(address);
  auto at = channels_.lower_bound({key, INT32_MIN});
  while (at != channels_.end() && at->first.first == key) at = channels_.erase(at);
}

void ChannelPool::Forget(const std::shared_ptr<Channel>& channel) {
  MutexLock lock(mutex_);
  std::erase_if(channels_, [&channel](const auto& held) { return held.second == channel; });
}

size_t ChannelPool::size() const {
  MutexLock lock(mutex_);
  return channels_.size();
}

void ChannelPool::EvictUnused() {
  for (auto at = channels_.begin(); at != channels_.end();) {
    at = at->second.use_count() == 1 ? channels_.erase(at) : std::next(at);
  }
}

}  // namespace flotilla::rpc
