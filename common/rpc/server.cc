// Puts the parts together: methods on one gRPC service, its settings, and the way down.

#include "common/rpc/server.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/rpc/connection_acceptor.h"
#include "common/rpc/health.h"
#include "common/rpc/server_stream.h"
#include "common/rpc/unary_call.h"
#include "grpc/health.pb.h"

namespace flotilla::rpc {
namespace {

// How often a draining server looks whether its clients have gone.
constexpr env::Duration kQuietInterval = std::chrono::milliseconds(50);
// What handlers have, after everything was cancelled, to answer the calls that they hold.
constexpr env::Duration kAnswerGrace = std::chrono::seconds(5);

// The descriptor of "package.Service/Method". A name that no .proto has is a typo; one that is not
// linked belongs to a .proto none of whose messages this program refers to.
const google::protobuf::MethodDescriptor& Describe(std::string_view method) {
  std::string name(method);
  std::replace(name.begin(), name.end(), '/', '.');
  const auto* descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
  CHECK(descriptor != nullptr) << name << " is not a method of any .proto that is linked";
  return *descriptor;
}

int Millis(env::Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// Long-lived clients ping idle connections (what a server must bear is part of the public
// protocol): some every 10 s, also without a call, and a server that complains loses them.
void SetKeepalive(const ServerOptions& options, grpc::ServerBuilder* builder) {
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Millis(options.keepalive_interval));
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Millis(options.keepalive_timeout));
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

ConnectionAcceptorOptions AcceptorOptions(const ServerOptions& options) {
  ConnectionAcceptorOptions result;
  result.name = options.name;
  result.max_connections = options.max_connections;
  result.max_per_address = options.max_connections_per_address;
  if (result.max_per_address == 0) result.max_per_address = (options.max_connections * 3 + 3) / 4;
  result.unacknowledged_timeout = options.keepalive_timeout;
  return result;
}

}  // namespace

class Server::Impl final : public std::enable_shared_from_this<Server::Impl> {
 public:
  Impl(ServerOptions options, GrpcEventLoop* loop, metrics::Registry* registry)
      : core_(std::move(options), loop, registry),
        acceptor_(AcceptorOptions(core_.options), &loop->clock(), registry) {}

  void AddUnary(std::string_view method, std::unique_ptr<UnaryHandler> handler);
  void AddStream(std::string_view method, StreamAcceptor acceptor);
  absl::Status Start();
  // False when handlers still hold calls.
  bool Shutdown(env::Duration grace);

  int port() const { return acceptor_.port(); }
  bool running() const { return grpc_server_ != nullptr; }
  void KeepForEver() { self_ = shared_from_this(); }
  HealthService* health() { return &health_; }

 private:
  void AddHealth();
  void SetLimits(grpc::ServerBuilder* builder) const;
  void OfferCalls();
  void BeginDrain(env::Duration grace);
  void DrainTick();
  // True when none is left of the streams that answer requests, nor a call.
  bool EndStreamsOfRequests();
  // As far as can be told no unary call will come any more, or the time to wait for that is over.
  bool ClientsAreGone() const;
  void EndOtherStreams();

  ServerCore core_;
  HealthService health_;
  std::vector<std::unique_ptr<UnaryMethod>> unary_methods_;
  std::vector<std::unique_ptr<StreamMethod>> stream_methods_;
  std::unique_ptr<grpc::Server> grpc_server_;
  // Hands connections over to gRPC's, which must be told of none before it runs nor after.
  ConnectionAcceptor acceptor_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections_;
  std::shared_ptr<Impl> self_;
  // Loop thread only: from here on a draining server waits for no request's answer.
  env::Instant hurry_at_{};
  // Streams and calls have ended, or the time for it is over.
  Mutex mutex_;
  CondVar drained_;
  bool all_ended_ ABSL_GUARDED_BY(mutex_) = false;
};

void Server::Impl::AddUnary(std::string_view method, std::unique_ptr<UnaryHandler> handler) {
  CHECK(!running());
  const auto& descriptor = Describe(method);
  CHECK(!descriptor.client_streaming() && !descriptor.server_streaming()) << method;
  CHECK(handler->NewRequest()->GetDescriptor() == descriptor.input_type()) << method;
  CHECK(handler->NewResponse()->GetDescriptor() == descriptor.output_type()) << method;
  health_.AddService(descriptor.service()->full_name());
  unary_methods_.push_back(
      std::make_unique<UnaryMethod>(std::string(method), std::move(handler), &core_));
}

void Server::Impl::AddStream(std::string_view method, StreamAcceptor acceptor) {
  CHECK(!running());
  const auto& descriptor = Describe(method);
  CHECK(descriptor.server_streaming()) << method;
  health_.AddService(descriptor.service()->full_name());
  stream_methods_.push_back(
      std::make_unique<StreamMethod>(std::string(method), std::move(acceptor), &core_));
}

void Server::Impl::AddHealth() {
  AddUnary("grpc.health.v1.Health/Check", MakeUnaryHandler(&HealthService::Check, &health_));
  AddStream("grpc.health.v1.Health/Watch", [this](std::shared_ptr<StreamControl> control) {
    return health_.Watch(std::move(control));
  });
}

void Server::Impl::SetLimits(grpc::ServerBuilder* builder) const {
  const ServerOptions& options = core_.options;
  builder->SetMaxReceiveMessageSize(static_cast<int>(options.max_receive_bytes));
  builder->SetMaxSendMessageSize(-1);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              Millis(options.handshake_timeout));
  grpc::ResourceQuota quota(options.name);
  quota.Resize(options.transport_memory_bytes);
  builder->SetResourceQuota(quota);
}

absl::Status Server::Impl::Start() {
  RETURN_IF_ERROR(acceptor_.Listen(core_.options.listen_address));
  AddHealth();
  std::unique_ptr<grpc::ServerBuilder> builder = core_.loop->TakeServerBuilder();
  SetKeepalive(core_.options, builder.get());
  SetLimits(builder.get());
  if (core_.options.minimal_stack) builder->AddChannelArgument(GRPC_ARG_MINIMAL_STACK, 1);
  connections_ = builder->experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      grpc::InsecureServerCredentials());
  builder->RegisterService(&core_.service);
  grpc_server_ = builder->BuildAndStart();
  if (grpc_server_ == nullptr) {
    return absl::InternalError(
        ToAbsl(fmt::format("cannot serve at {}: gRPC refuses", core_.options.listen_address)));
  }
  core_.loop->Post([self = shared_from_this()] { self->OfferCalls(); });
  acceptor_.Start([this](int fd) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.fd = fd;
    connections_->HandleNewConnection(&connection);
  });
  health_.SetServing(true);
  return absl::OkStatus();
}

void Server::Impl::OfferCalls() {
  for (const auto& method : unary_methods_) {
    for (int i = 0; i < core_.options.accepts_per_method; ++i) method->AcceptOne();
  }
  for (const auto& method : stream_methods_) method->AcceptOne();
}

void Server::Impl::BeginDrain(env::Duration grace) {
  core_.draining = true;
  hurry_at_ = core_.loop->clock().Now() + grace / 2;
  DrainTick();
}

bool Server::Impl::ClientsAreGone() const {
  const env::Instant now = core_.loop->clock().Now();
  return now >= hurry_at_ || now - core_.last_unary_call >= core_.options.drain_quiet;
}

bool Server::Impl::EndStreamsOfRequests() {
  bool all_ended = core_.unary_calls == 0 && ClientsAreGone();
  for (const auto& method : stream_methods_) {
    // Ending takes a stream out of the set later, when its operations have come back.
    for (const std::shared_ptr<ServerStream>& stream : method->open()) {
      if (!stream->AnswersRequests()) continue;
      all_ended = false;
      stream->EndIfQuiet();
    }
  }
  return all_ended;
}

void Server::Impl::EndOtherStreams() {
  for (const auto& method : stream_methods_) {
    for (const std::shared_ptr<ServerStream>& stream : method->open()) {
      if (!stream->AnswersRequests()) stream->EndIfQuiet();
    }
  }
}

void Server::Impl::DrainTick() {
  // What a request waits for may come on another stream: the new leader of a region tells the old
  // one on a stream of Raft's that a write is committed. So those go last.
  if (EndStreamsOfRequests() || core_.loop->clock().Now() >= hurry_at_) EndOtherStreams();
  MutexLock lock(mutex_);
  if (core_.stream_count == 0 && ClientsAreGone()) {
    all_ended_ = true;
    drained_.NotifyAll();
  } else if (!all_ended_) {
    // The server may be gone by then, its time for draining being over.
    core_.loop->RunAfter(kQuietInterval, [weak = weak_from_this()] {
      if (const std::shared_ptr<Impl> self = weak.lock()) self->DrainTick();
    });
  }
}

bool Server::Impl::Shutdown(env::Duration grace) {
  CHECK(!core_.loop->InLoopThread());
  health_.SetServing(false);
  const env::Clock& clock = core_.loop->clock();
  const env::Instant deadline = clock.Now() + grace;
  core_.loop->Post([self = shared_from_this(), grace] { self->BeginDrain(grace); });
  {
    MutexLock lock(mutex_);
    while (!all_ended_ && clock.Now() < deadline) {
      drained_.WaitFor(mutex_, deadline - clock.Now());
    }
    all_ended_ = true;
  }
  const env::Duration left = std::max(deadline - clock.Now(), env::Duration(0));
  // At once before gRPC's shutdown, which tells clients to go elsewhere: it would never close a
  // connection that it is given later.
  acceptor_.Stop();
  grpc_server_->Shutdown(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(left.count(), GPR_TIMESPAN)));
  return core_.live_calls.WaitForNone(kAnswerGrace);
}

Server::Server(ServerOptions options, GrpcEventLoop* loop, metrics::Registry* registry)
    : loop_(loop), impl_(std::make_shared<Impl>(std::move(options), loop, registry)) {}

Server::~Server() { CHECK(impl_ == nullptr || !impl_->running()) << "Shutdown was not called"; }

void Server::AddUnary(std::string_view method, std::unique_ptr<UnaryHandler> handler) {
  impl_->AddUnary(method, std::move(handler));
}

void Server::AddStream(std::string_view method, StreamAcceptor acceptor) {
  impl_->AddStream(method, std::move(acceptor));
}

absl::Status Server::Start() { return impl_->Start(); }

int Server::port() const { return impl_->port(); }

void Server::SetServing(bool serving) { impl_->health()->SetServing(serving); }

void Server::Shutdown(env::Duration grace) {
  if (impl_ == nullptr || !impl_->running()) return;
  if (!impl_->Shutdown(grace)) {
    // Whoever holds such a call may still answer it, so what it points to must stay for ever.
    LOG_ERROR("calls were not answered within {} s of being cancelled",
              std::chrono::duration_cast<std::chrono::seconds>(kAnswerGrace).count());
    impl_->KeepForEver();
  }
  // gRPC's own last requests are still on the queue.
  loop_->KeepUntilStopped(std::move(impl_));
}

}  // namespace flotilla::rpc
