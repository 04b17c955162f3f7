#include "common/rpc/unary_call.h"

#include <fmt/format.h>
#include <grpc/support/time.h>

#include <utility>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/rpc/grpc_status.h"

namespace flotilla::rpc {
namespace {

// Calls kept for reuse, a method.
constexpr size_t kMaxFreeCalls = 256;
// Messages larger than this are not kept for reuse.
constexpr size_t kKeepMessageBytes = 64 << 10;

// What a call takes in memory besides its messages, about.
constexpr size_t kOverheadBytes = 2 << 10;

// What is left of the time that the caller waits; kNoDeadline when it did not say.
env::Duration TimeLeft(const grpc::ServerContext& context) {
  const gpr_timespec deadline = context.raw_deadline();
  const gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  // A day is as good as none, and does not overflow.
  constexpr int64_t kLongSeconds = 86'400;
  if (left.tv_sec >= kLongSeconds) return kNoDeadline;
  return std::chrono::seconds(left.tv_sec) + std::chrono::nanoseconds(left.tv_nsec);
}

using MessageTraits = grpc::SerializationTraits<google::protobuf::MessageLite>;

grpc::ByteBuffer Serialize(const google::protobuf::MessageLite& message) {
  grpc::ByteBuffer bytes;
  bool owned = false;
  const grpc::Status status = MessageTraits::Serialize(message, &bytes, &owned);
  CHECK(status.ok()) << status.error_message();
  return bytes;
}

}  // namespace

UnaryCall::UnaryCall(UnaryMethod* method)
    : method_(method),
      request_(method->handler()->NewRequest()),
      response_(method->handler()->NewResponse()) {}

void UnaryCall::Accept() {
  context_.emplace();
  writer_.emplace(&*context_);
  ServerCore* const core = method_->core();
  core->live_calls.Add();
  core->service.RequestUnary(method_->index(), &*context_, &incoming_, &*writer_,
                             core->loop->queue(), this);
}

void UnaryCall::OnCompletion(bool ok) {
  if (taken_) {
    // The answer was sent, or could not be: the call is over either way.
    Reset();
    method_->Recycle(this);
  } else if (ok) {
    taken_ = true;
    method_->AcceptOne();
    Handle();
  } else {
    // The server is shutting down.
    method_->core()->live_calls.Remove();
    delete this;
  }
}

void UnaryCall::Handle() {
  ServerCore* const core = method_->core();
  started_ = core->loop->clock().Now();
  core->last_unary_call = started_;
  method_->metrics().requests.Increment();
  const env::Duration allowed = TimeLeft(*context_);
  if (!CheckCall(allowed) || !Enter(allowed) || !Parse()) return;
  method_->handler()->Handle(*request_, response_.get(), allowed,
                             [this](absl::Status status) { AnswerOnLoop(std::move(status)); });
}

bool UnaryCall::CheckCall(env::Duration allowed) {
  ServerCore* const core = method_->core();
  if (core->unary_calls.fetch_add(1) >= core->options.max_unary_calls) {
    core->refused.Increment();
    TellNotExecuted(*context_);
    Answer(absl::ResourceExhaustedError(ToAbsl(fmt::format(
        "more than {} calls are under way on this server", core->options.max_unary_calls))));
    return false;
  }
  if (allowed <= env::Duration::zero()) {
    core->expired.Increment();
    TellNotExecuted(*context_);
    Answer(absl::DeadlineExceededError("the call came after its deadline"));
    return false;
  }
  return true;
}

bool UnaryCall::Enter(env::Duration allowed) {
  const UnaryHandler& handler = *method_->handler();
  request_bytes_ = incoming_.Length();
  if (!handler.HasRegionErrors()) return true;
  if (const absl::Status admitted = handler.Admit(request_bytes_, allowed); !admitted.ok()) {
    Refuse(admitted);
    return false;
  }
  InFlight* const in_flight = method_->core()->options.in_flight;
  if (in_flight == nullptr) return true;
  const size_t bytes = request_bytes_ + kOverheadBytes;
  const absl::Status entered = in_flight->Enter(1, bytes);
  if (!entered.ok()) {
    Refuse(entered);
    return false;
  }
  counted_bytes_ = bytes;
  return true;
}

bool UnaryCall::Parse() {
  if (MessageTraits::Deserialize(&incoming_, request_.get()).ok()) return true;
  // gRPC's own word for it.
  Answer(absl::InternalError("Unable to parse request"));
  return false;
}

void UnaryCall::Refuse(const absl::Status& error) {
  ServerCore* const core = method_->core();
  core->loop->Gather();
  method_->metrics().seconds.Observe(env::Seconds(core->loop->clock().Now() - started_));
  core->unary_calls.fetch_sub(1);
  writer_->Finish(method_->Refusal(error), grpc::Status::OK, HandOver());
}

// gRPC is called by the loop thread alone: when two threads contend for a connection, it hands the
// work to a thread of its own, which costs more than the way here.
void UnaryCall::AnswerOnLoop(absl::Status status) {
  GrpcEventLoop* const loop = method_->core()->loop;
  if (counted_bytes_ > 0) {
    const size_t bytes = response_->ByteSizeLong();
    method_->core()->options.in_flight->Grow(0, bytes);
    counted_bytes_ += bytes;
  }
  if (loop->InLoopThread()) {
    Answer(status);
  } else {
    loop->Post([this, status = std::move(status)] { Answer(status); });
  }
}

void UnaryCall::Answer(const absl::Status& status) {
  ServerCore* const core = method_->core();
  method_->metrics().seconds.Observe(env::Seconds(core->loop->clock().Now() - started_));
  if (!status.ok()) method_->metrics().errors.Increment();
  core->unary_calls.fetch_sub(1);
  // Once the answer is handed over, the loop thread may use this call for another one.
  if (status.ok()) {
    writer_->Finish(Serialize(*response_), grpc::Status::OK, HandOver());
  } else {
    writer_->FinishWithError(ToGrpc(status), HandOver());
  }
}

void UnaryCall::Reset() {
  taken_ = false;
  if (const size_t bytes = std::exchange(counted_bytes_, 0); bytes > 0) {
    method_->core()->options.in_flight->Leave(1, bytes);
  }
  writer_.reset();
  context_.reset();
  incoming_.Clear();
  const UnaryHandler& handler = *method_->handler();
  if (request_bytes_ > kKeepMessageBytes) request_ = handler.NewRequest();
  if (response_->ByteSizeLong() > kKeepMessageBytes) response_ = handler.NewResponse();
  request_->Clear();
  response_->Clear();
}

UnaryMethod::UnaryMethod(const std::string& name, std::unique_ptr<UnaryHandler> handler,
                         ServerCore* core)
    : core_(core),
      handler_(std::move(handler)),
      index_(core->service.Add(name, DynamicService::Kind::kUnary)),
      metrics_(core->registry, core->options.name, name) {}

UnaryMethod::~UnaryMethod() = default;

void UnaryMethod::AcceptOne() {
  std::unique_ptr<UnaryCall> call;
  if (free_.empty()) {
    call = std::make_unique<UnaryCall>(this);
  } else {
    call = std::move(free_.back());
    free_.pop_back();
  }
  // From here on the completion queue holds it, until OnCompletion frees or recycles it.
  call.release()->Accept();
}

const grpc::ByteBuffer& UnaryMethod::Refusal(const absl::Status& error) {
  if (error != refused_with_) {
    const std::unique_ptr<UnaryHandler::Message> response = handler_->NewResponse();
    handler_->Refuse(error, response.get());
    refusal_ = Serialize(*response);
    refused_with_ = error;
  }
  return refusal_;
}

void UnaryMethod::Recycle(UnaryCall* call) {
  core_->live_calls.Remove();
  std::unique_ptr<UnaryCall> owned(call);
  if (free_.size() < kMaxFreeCalls) free_.push_back(std::move(owned));
}

}  // namespace flotilla::rpc
