#include "store/service/batch_commands.h"

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/mutex.h"
#include "common/rpc/unary_handler.h"
#include "flotilla/batch_frame.pb.h"
#include "store/kv/api_reply.h"
#include "store/service/unparsed_request.h"
#include "tikv/tikvpb.pb.h"

namespace flotilla::store {
namespace {

using batch::v1::BatchCommandsFrame;
using tikvpb::BatchCommandsRequest;
using tikvpb::BatchCommandsResponse;

// What goes into one message.
constexpr size_t kMaxAnswers = 1024;
constexpr size_t kMaxAnswerBytes = 1 << 20;
// The memory of larger messages is not kept for the next one.
constexpr size_t kKeepBytes = 1 << 20;

class BatchCommands final
    : public rpc::TypedStreamHandler<BatchCommandsFrame, BatchCommandsResponse>,
      public std::enable_shared_from_this<BatchCommands> {
 public:
  BatchCommands(KvApi* api, rpc::InFlight* in_flight, std::shared_ptr<rpc::StreamControl> control)
      : api_(api), in_flight_(in_flight), control_(std::move(control)) {}
  // Of a stream that broke, what nobody will read.
  ~BatchCommands() override { in_flight_->Leave(outstanding_.load(), outstanding_bytes_.load()); }

  void OnMessage(BatchCommandsFrame* message) override;
  bool Fill(BatchCommandsResponse* message) override;
  bool ReadyToRead() override {
    return outstanding_.load() < in_flight_->of_a_stream().requests &&
           outstanding_bytes_.load() < in_flight_->of_a_stream().bytes;
  }
  bool HasOutstanding() override { return outstanding_.load() != 0; }
  void OnClosed(const absl::Status&) override {
    MutexLock lock(mutex_);
    control_.reset();
  }

 private:
  struct Item;
  // One message's requests and their responses, which the handlers point to until all are done. It
  // keeps the stream alive, and deletes itself with its last item.
  struct Batch {
    std::shared_ptr<BatchCommands> stream;
    std::vector<Item> items;
    std::atomic<size_t> left;
    size_t bytes = 0;
    // Of all of it, when too much was in flight.
    absl::Status refusal;

    // One of the requests, or their dispatch, is over; may delete the batch.
    void Leave();
  };
  struct Item {
    Batch* batch = nullptr;
    uint64_t id = 0;
    BatchCommandsRequest::Request request;
    BatchCommandsResponse::Response response;

    // May delete the batch, and the item with it.
    void Finish(const absl::Status& status);
  };
  struct Answer {
    uint64_t id;
    size_t bytes;
    BatchCommandsResponse::Response response;
  };

  // Refuses a write for which there is no room; false, and nothing done, when it may go on.
  bool Refuse(const std::string& unparsed, Item& item);
  void Gather();
  void Dispatch(const BatchCommandsRequest::Request& request, Item& item);
  template <typename Request, typename Response>
  void Run(const Request& request, Response* response, Item& item,
           void (KvApi::*method)(const Request&, Response*, rpc::Done)) {
    if (!item.batch->refusal.ok()) [[unlikely]] {
      const auto finish = [&item](absl::Status status) { item.Finish(status); };
      return Reply(item.batch->refusal, response, finish);
    }
    Call(request, response, item, method);
  }
  // However much is in flight.
  template <typename Request, typename Response>
  void Call(const Request& request, Response* response, Item& item,
            void (KvApi::*method)(const Request&, Response*, rpc::Done)) {
    // One word: it needs no allocation.
    (api_->*method)(request, response,
                    [item = &item](absl::Status status) { item->Finish(status); });
  }
  void Shrink(size_t requests, size_t bytes);
  void Push(Answer answer);
  void Close(absl::Status status);

  KvApi* const api_;
  rpc::InFlight* const in_flight_;
  // What this stream has of in_flight_: requests until their answers are sent, and the bytes of
  // both.
  std::atomic<size_t> outstanding_{0};
  std::atomic<size_t> outstanding_bytes_{0};
  Mutex mutex_;
  // Null once the stream is closed.
  std::shared_ptr<rpc::StreamControl> control_ ABSL_GUARDED_BY(mutex_);
  std::vector<Answer> answers_ ABSL_GUARDED_BY(mutex_);
  // Loop thread only: answers that were taken and did not fit the last message.
  std::vector<Answer> filling_;
  size_t filled_ = 0;
};

void BatchCommands::OnMessage(BatchCommandsFrame* message) {
  if (message->requests_size() != message->request_ids_size()) {
    Close(absl::InvalidArgumentError("request_ids and requests differ in number"));
    return;
  }
  if (message->requests().empty()) return;
  auto* batch = new Batch;
  batch->stream = shared_from_this();
  batch->bytes = message->ByteSizeLong();
  const auto count = static_cast<size_t>(message->requests_size());
  batch->items.resize(count);
  // One more, so that the batch lives until all its requests were dispatched.
  batch->left = count + 1;
  outstanding_.fetch_add(count);
  outstanding_bytes_.fetch_add(batch->bytes);
  batch->refusal = in_flight_->Enter(count, batch->bytes);
  if (!batch->refusal.ok()) in_flight_->Grow(count, batch->bytes);
  for (size_t i = 0; i < count; ++i) {
    Item& item = batch->items[i];
    item.batch = batch;
    item.id = message->request_ids(static_cast<int>(i));
    const std::string& unparsed = message->requests(static_cast<int>(i));
    if (Refuse(unparsed, item)) continue;
    if (item.request.ParseFromString(unparsed)) {
      Dispatch(item.request, item);
    } else {
      item.Finish(absl::InvalidArgumentError(
          absl::StrCat("request ", i, " of a batch of ", count, " cannot be parsed")));
    }
  }
  if (batch->bytes > kKeepBytes) BatchCommandsFrame().Swap(message);
  batch->Leave();
}

bool BatchCommands::Refuse(const std::string& unparsed, Item& item) {
  const BatchCommand write = WriteIn(unparsed);
  if (write == BatchCommandsRequest::Request::CMD_NOT_SET) return false;
  absl::Status refusal = item.batch->refusal;
  // What its client waits for is not known yet.
  if (refusal.ok()) refusal = api_->CheckWrite(unparsed.size(), rpc::kNoDeadline);
  if (refusal.ok()) return false;
  CHECK(ToReplyError(refusal, RegionErrorOf(write, item.response))) << refusal;
  item.Finish(absl::OkStatus());
  Gather();
  return true;
}

void BatchCommands::Gather() {
  MutexLock lock(mutex_);
  if (control_ != nullptr) control_->Gather();
}

void BatchCommands::Batch::Leave() {
  if (left.fetch_sub(1) != 1) return;
  stream->Shrink(0, bytes);
  delete this;
}

void BatchCommands::Shrink(size_t requests, size_t bytes) {
  outstanding_.fetch_sub(requests);
  outstanding_bytes_.fetch_sub(bytes);
  in_flight_->Leave(requests, bytes);
}

void BatchCommands::Item::Finish(const absl::Status& status) {
  Batch* const owner = batch;
  const std::shared_ptr<BatchCommands> stream = owner->stream;
  if (!status.ok()) {
    // Such as another cluster's client: nothing on this stream will ever be right.
    response.clear_cmd();
    stream->Close(status);
  }
  Answer answer{id, response.ByteSizeLong(), std::move(response)};
  stream->outstanding_bytes_.fetch_add(answer.bytes);
  stream->in_flight_->Grow(0, answer.bytes);
  // Before the answer wakes the stream, which may then read again.
  owner->Leave();
  stream->Push(std::move(answer));
}

void BatchCommands::Push(Answer answer) {
  std::shared_ptr<rpc::StreamControl> control;
  {
    MutexLock lock(mutex_);
    const bool was_empty = answers_.empty();
    answers_.push_back(std::move(answer));
    if (was_empty) control = control_;
  }
  if (control != nullptr) control->Wake();
}

void BatchCommands::Close(absl::Status status) {
  std::shared_ptr<rpc::StreamControl> control;
  {
    MutexLock lock(mutex_);
    control = control_;
  }
  if (control != nullptr) control->Close(std::move(status));
}

bool BatchCommands::Fill(BatchCommandsResponse* message) {
  if (filled_ == filling_.size()) {
    filling_.clear();
    filled_ = 0;
    MutexLock lock(mutex_);
    filling_.swap(answers_);
  }
  if (filling_.empty()) return false;
  size_t bytes = 0;
  size_t count = 0;
  while (filled_ < filling_.size() && count < kMaxAnswers && bytes < kMaxAnswerBytes) {
    Answer& answer = filling_[filled_++];
    bytes += answer.bytes;
    message->add_request_ids(answer.id);
    message->add_responses()->Swap(&answer.response);
    ++count;
  }
  Shrink(count, bytes);
  return true;
}

void BatchCommands::Dispatch(const BatchCommandsRequest::Request& request, Item& item) {
  using Request = BatchCommandsRequest::Request;
  BatchCommandsResponse::Response& response = item.response;
  switch (request.cmd_case()) {
    case Request::kRawGet:
      return Run(request.rawget(), response.mutable_rawget(), item, &KvApi::RawGet);
    case Request::kRawBatchGet:
      return Run(request.rawbatchget(), response.mutable_rawbatchget(), item, &KvApi::RawBatchGet);
    case Request::kRawPut:
      return Run(request.rawput(), response.mutable_rawput(), item, &KvApi::RawPut);
    case Request::kRawBatchPut:
      return Run(request.rawbatchput(), response.mutable_rawbatchput(), item, &KvApi::RawBatchPut);
    case Request::kRawDelete:
      return Run(request.rawdelete(), response.mutable_rawdelete(), item, &KvApi::RawDelete);
    case Request::kRawBatchDelete:
      return Run(request.rawbatchdelete(), response.mutable_rawbatchdelete(), item,
                 &KvApi::RawBatchDelete);
    case Request::kRawScan:
      return Run(request.rawscan(), response.mutable_rawscan(), item, &KvApi::RawScan);
    case Request::kRawDeleteRange:
      return Run(request.rawdeleterange(), response.mutable_rawdeleterange(), item,
                 &KvApi::RawDeleteRange);
    case Request::kRawBatchScan:
      return Run(request.rawbatchscan(), response.mutable_rawbatchscan(), item,
                 &KvApi::RawBatchScan);
    case Request::kGetHealthFeedback:
      return Call(request.gethealthfeedback(), response.mutable_gethealthfeedback(), item,
                  &KvApi::GetHealthFeedback);
    case Request::kEmpty:
      response.mutable_empty()->set_test_id(request.empty().test_id());
      return item.Finish(absl::OkStatus());
    case Request::CMD_NOT_SET:
      // A command that we do not know: its id comes back with nothing.
      return item.Finish(absl::OkStatus());
  }
}

}  // namespace

rpc::StreamAcceptor BatchCommandsAcceptor(KvApi* api, rpc::InFlight* in_flight) {
  return [api, in_flight](std::shared_ptr<rpc::StreamControl> control) {
    return std::make_shared<BatchCommands>(api, in_flight, std::move(control));
  };
}

}  // namespace flotilla::store
