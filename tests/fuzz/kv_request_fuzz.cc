// Every request of the key-value protocol, alone and in BatchCommands, on a region in memory.
// Each is answered exactly once, whatever it says.
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "flotilla/batch_frame.pb.h"
#include "store/service/batch_commands.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/seed_messages.h"
#include "tests/store/kv/direct_region.h"
#include "tikv/tikvpb.pb.h"

namespace flotilla::fuzz {
namespace {

using store::ApiVersion;
using store::DirectRegion;
using store::KvApi;

constexpr int kMaxRequests = 32;

// One unary call. `as_is`: with the input's own context, else with that of a client that knows the
// region.
using Handler = void (*)(DirectRegion& region, std::string_view wire, bool as_is);

template <auto method>
struct Unary;
template <typename Request, typename Response,
          void (KvApi::*method)(const Request&, Response*, rpc::Done)>
struct Unary<method> {
  static void Call(DirectRegion& region, std::string_view wire, bool as_is) {
    Request request;
    if (!request.ParseFromArray(wire.data(), static_cast<int>(wire.size()))) return;
    if (!as_is) region.FillContext(request.mutable_context());
    Response response;
    int answers = 0;
    (region.api.get()->*method)(request, &response, [&answers](absl::Status) { ++answers; });
    CHECK_EQ(answers, 1) << request.DebugString();
    response.SerializeAsString();
  }
  static std::string Seed(const std::string& key) {
    Request request;
    FillMessage(request, key, 2);
    return request.SerializeAsString();
  }
};

class NoStream final : public rpc::StreamControl {
 public:
  void Wake() override {}
  void Close(absl::Status) override {}
  std::string peer() const override { return "fuzz"; }
};

// A message of the stream; its commands bring their own contexts.
void CallBatch(DirectRegion& region, std::string_view wire, bool as_is) {
  batch::v1::BatchCommandsFrame frame;  // As it is, a command may be anything.
  if (as_is) {
    if (!frame.ParseFromArray(wire.data(), static_cast<int>(wire.size()))) return;
  } else {
    tikvpb::BatchCommandsRequest request;
    if (!request.ParseFromArray(wire.data(), static_cast<int>(wire.size()))) return;
    for (auto& command : *request.mutable_requests()) {
      if (command.has_rawget()) region.FillContext(command.mutable_rawget()->mutable_context());
      if (command.has_rawput()) region.FillContext(command.mutable_rawput()->mutable_context());
      if (command.has_rawscan()) region.FillContext(command.mutable_rawscan()->mutable_context());
    }
    CHECK(frame.ParseFromString(request.SerializeAsString()));
  }
  const bool fits = frame.requests_size() == frame.request_ids_size();
  const int sent = fits ? frame.requests_size() : 0;
  metrics::Registry metrics;
  rpc::InFlight in_flight({}, &metrics);
  const auto stream =
      store::BatchCommandsAcceptor(region.api.get(), &in_flight)(std::make_shared<NoStream>());
  stream->OnIncoming(&frame);
  int answered = 0;
  for (tikvpb::BatchCommandsResponse response; stream->FillNext(&response); response.Clear()) {
    CHECK_EQ(response.responses_size(), response.request_ids_size());
    answered += response.responses_size();
  }
  CHECK(!stream->HasOutstanding());
  CHECK_EQ(answered, sent);
  stream->OnClosed(absl::OkStatus());
}

std::string BatchSeed(const std::string& key) {
  tikvpb::BatchCommandsRequest request;
  for (uint64_t id = 1; id < 4; ++id) {
    request.add_request_ids(id);
    request.add_requests();
  }
  FillMessage(*request.mutable_requests(0)->mutable_rawget(), key, 2);
  FillMessage(*request.mutable_requests(1)->mutable_rawput(), key, 2);
  FillMessage(*request.mutable_requests(2)->mutable_rawscan(), key, 2);
  return request.SerializeAsString();
}

struct Call {
  Handler handler;
  std::string (*seed)(const std::string& key);
};
template <auto method>
constexpr Call CallOf() {
  return {&Unary<method>::Call, &Unary<method>::Seed};
}

constexpr Call kCalls[] = {
    CallOf<&KvApi::RawGet>(),
    CallOf<&KvApi::RawBatchGet>(),
    CallOf<&KvApi::RawGetKeyTTL>(),
    CallOf<&KvApi::RawScan>(),
    CallOf<&KvApi::RawBatchScan>(),
    CallOf<&KvApi::RawChecksum>(),
    CallOf<&KvApi::RawPut>(),
    CallOf<&KvApi::RawBatchPut>(),
    CallOf<&KvApi::RawDelete>(),
    CallOf<&KvApi::RawBatchDelete>(),
    CallOf<&KvApi::RawDeleteRange>(),
    CallOf<&KvApi::RawCompareAndSwap>(),
    CallOf<&KvApi::SplitRegion>(),
    CallOf<&KvApi::GetHealthFeedback>(),
    CallOf<&KvApi::UnsafeDestroyRange>(),
    {&CallBatch, &BatchSeed},
};

class KvRequestTarget final : public FuzzTarget {
 public:
  // First the API version; then requests: which one, its length, its bytes.
  void Run(std::string_view input) override {
    FuzzInput in(input);
    DirectRegion region(in.Bool() ? ApiVersion::kV2 : ApiVersion::kV1);
    for (int i = 0; i < kMaxRequests && !in.empty(); ++i) {
      const uint8_t which = in.Byte();
      const bool as_is = (which & 0x80) != 0;
      kCalls[(which & 0x7f) % std::size(kCalls)].handler(region, in.Piece(), as_is);
    }
  }

  std::vector<std::string> Seeds() const override {
    std::vector<std::string> seeds;
    const std::string keys[] = {"k", std::string("r\0\0\1k", 5)};
    for (const size_t version : {0, 1}) {
      const std::string first(1, static_cast<char>(version));
      std::string all = first;
      for (size_t i = 0; i < std::size(kCalls); ++i) {
        const std::string call =
            std::string(1, static_cast<char>(i)) + AsPiece(kCalls[i].seed(keys[version]));
        seeds.push_back(first + call);
        all += call;
      }
      seeds.push_back(all);
    }
    return seeds;
  }
};

}  // namespace

std::unique_ptr<FuzzTarget> MakeKvRequestTarget() { return std::make_unique<KvRequestTarget>(); }

}  // namespace flotilla::fuzz
