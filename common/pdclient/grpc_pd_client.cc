#include "common/pdclient/grpc_pd_client.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <utility>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/pdclient/heartbeat_stream.h"
#include "common/pdclient/leader_finder.h"
#include "common/pdclient/tso_stream.h"
#include "common/rpc/client_call.h"

namespace flotilla::pdclient {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::vector<std::string> StripSchemes(const std::vector<std::string>& urls) {
  std::vector<std::string> addresses;
  for (const std::string& url : urls) addresses.push_back(StripScheme(url));
  return addresses;
}

const FieldDescriptor* HeaderField(const Message& message) {
  return message.GetDescriptor()->FindFieldByName("header");
}

void SetClusterId(Message* request, ClusterId cluster_id) {
  const FieldDescriptor* const field = HeaderField(*request);
  if (field == nullptr || field->message_type() != pdpb::RequestHeader::descriptor()) return;
  Message* const header = request->GetReflection()->MutableMessage(request, field);
  static_cast<pdpb::RequestHeader*>(header)->set_cluster_id(cluster_id.value());
}

metrics::Counter* StalledCounter(metrics::Registry* registry, const char* stream) {
  if (registry == nullptr) return nullptr;
  return &registry->AddCounter("flotilla_pd_client_streams_stalled_total",
                               "Streams to PD given up because they stood still",
                               {{"stream", stream}});
}

absl::Status StatusInHeader(const Message& response) {
  const FieldDescriptor* const field = HeaderField(response);
  if (field == nullptr || field->message_type() != pdpb::ResponseHeader::descriptor()) {
    return absl::OkStatus();
  }
  return HeaderStatus(static_cast<const pdpb::ResponseHeader&>(
      response.GetReflection()->GetMessage(response, field)));
}

}  // namespace

bool SaysNotLeader(const absl::Status& status) {
  if (status.ok()) return false;
  const std::string_view message = FromAbsl(status.message());
  for (const std::string_view words : {"not leader", "no leader", "is not served", "not primary"}) {
    if (message.find(words) != message.npos) return true;
  }
  return false;
}

struct GrpcPdClient::Shared {
  Shared(GrpcPdClientOptions client_options, rpc::EventLoop* event_loop, rpc::ChannelPool* pool,
         const env::Random& client_random)
      : options(std::move(client_options)),
        loop(event_loop),
        random(client_random.Fork("calls")),
        finder(std::make_shared<LeaderFinder>(loop, pool, StripSchemes(options.endpoints),
                                              options.attempt_timeout)),
        tso(std::make_shared<TsoStream>(
            loop, finder,
            TsoStream::Limits{options.call_timeout, options.max_waiting_timestamps,
                              options.tso_stall},
            StalledCounter(options.metrics, "tso"))),
        heartbeats(std::make_shared<HeartbeatStream>(
            loop, finder, options.max_waiting_heartbeats, options.heartbeat_stall,
            StalledCounter(options.metrics, "region_heartbeat"))) {
    tso->Open(options.backoff, client_random.Fork("tso"));
    heartbeats->Open(options.backoff, client_random.Fork("heartbeats"));
  }

  rpc::Backoff NewBackoff() {
    return rpc::Backoff(options.backoff, random.Fork(std::to_string(calls.fetch_add(1))));
  }

  const GrpcPdClientOptions options;
  rpc::EventLoop* const loop;
  const env::Random random;
  std::atomic<uint64_t> calls{0};
  std::atomic<bool> stopped{false};
  const std::shared_ptr<LeaderFinder> finder;
  const std::shared_ptr<TsoStream> tso;
  const std::shared_ptr<HeartbeatStream> heartbeats;
};

// One call and its attempts. Loop thread, but for the first step.
class GrpcPdClient::PendingCall final : public std::enable_shared_from_this<PendingCall> {
 public:
  using Done = absl::AnyInvocable<void(absl::Status, std::unique_ptr<Message>) &&>;

  PendingCall(std::shared_ptr<Shared> shared, std::string_view method,
              std::unique_ptr<Message> request, std::unique_ptr<Message> response, Done done)
      : shared_(std::move(shared)),
        method_(method),
        request_(std::move(request)),
        empty_response_(std::move(response)),
        done_(std::move(done)),
        deadline_(shared_->loop->clock().Now() + shared_->options.call_timeout),
        backoff_(shared_->NewBackoff()) {}

  void Start() {
    shared_->finder->WithLeader([self = shared_from_this()](auto leader) {
      if (!leader.ok()) {
        self->Retry(leader.status());
      } else {
        self->Attempt(*leader);
      }
    });
  }

 private:
  env::Duration Left() const { return deadline_ - shared_->loop->clock().Now(); }

  void Attempt(std::shared_ptr<rpc::Channel> leader) {
    SetClusterId(request_.get(), shared_->finder->cluster_id());
    rpc::CallOptions options;
    options.timeout = std::max<env::Duration>(std::min(shared_->options.attempt_timeout, Left()),
                                              std::chrono::milliseconds(1));
    std::unique_ptr<Message> response(empty_response_->New());
    shared_->loop->CallUnary(leader, method_, *request_, std::move(response), options,
                             [self = shared_from_this(), leader](
                                 absl::Status status, std::unique_ptr<Message> response) {
                               self->OnAnswer(leader, std::move(status), std::move(response));
                             });
  }

  void OnAnswer(const std::shared_ptr<rpc::Channel>& leader, absl::Status status,
                std::unique_ptr<Message> response) {
    if (status.ok()) status = StatusInHeader(*response);
    // A server that went away, or does not lead, may have a successor.
    const bool lost = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
                      absl::IsCancelled(status) || SaysNotLeader(status);
    if (lost) {
      shared_->finder->Invalidate(leader);
      Retry(status);
      return;
    }
    std::move(done_)(status, std::move(response));
  }

  void Retry(const absl::Status& status) {
    if (shared_->stopped.load() || shared_->loop->stopping()) {
      std::move(done_)(absl::CancelledError("the PD client was stopped"), nullptr);
      return;
    }
    const env::Duration delay = backoff_.Next();
    if (delay >= Left()) {
      std::move(done_)(
          absl::Status(absl::IsDeadlineExceeded(status) ? absl::StatusCode::kDeadlineExceeded
                                                        : absl::StatusCode::kUnavailable,
                       ToAbsl(fmt::format("{} failed after {} attempts: {}", method_,
                                          backoff_.attempts(), FromAbsl(status.message())))),
          nullptr);
      return;
    }
    shared_->loop->RunAfter(delay, [self = shared_from_this()] { self->Start(); });
  }

  const std::shared_ptr<Shared> shared_;
  const std::string method_;
  const std::unique_ptr<Message> request_;
  const std::unique_ptr<Message> empty_response_;
  Done done_;
  const env::Instant deadline_;
  rpc::Backoff backoff_;
};

GrpcPdClient::GrpcPdClient(GrpcPdClientOptions options, rpc::EventLoop* loop,
                           rpc::ChannelPool* pool, env::Random random)
    : shared_(std::make_shared<Shared>(std::move(options), loop, pool, random)) {}

GrpcPdClient::~GrpcPdClient() {
  shared_->stopped.store(true);
  shared_->heartbeats->Stop();
  shared_->tso->Stop();
}

ClusterId GrpcPdClient::cluster_id() const { return shared_->finder->cluster_id(); }

void GrpcPdClient::GetTimestamps(uint32_t count, Callback<Timestamp> done) {
  shared_->tso->Get(count, std::move(done));
}

void GrpcPdClient::SendRegionHeartbeat(pdpb::RegionHeartbeatRequest heartbeat) {
  shared_->heartbeats->Send(std::move(heartbeat));
}

void GrpcPdClient::SetHeartbeatListener(HeartbeatListener* listener) {
  shared_->heartbeats->SetListener(listener);
}

void GrpcPdClient::Call(std::string_view method, std::unique_ptr<Message> request,
                        std::unique_ptr<Message> response,
                        absl::AnyInvocable<void(absl::Status, std::unique_ptr<Message>) &&> done) {
  if (method == "pdpb.PD/GetMembers") {
    // Any member may answer, also while there is no leader.
    shared_->finder->AskMembers(
        [done = std::move(done)](absl::StatusOr<pdpb::GetMembersResponse> answer) mutable {
          if (!answer.ok()) {
            std::move(done)(answer.status(), nullptr);
          } else {
            std::move(done)(absl::OkStatus(),
                            std::make_unique<pdpb::GetMembersResponse>(*std::move(answer)));
          }
        });
    return;
  }
  std::make_shared<PendingCall>(shared_, method, std::move(request), std::move(response),
                                std::move(done))
      ->Start();
}

}  // namespace flotilla::pdclient
