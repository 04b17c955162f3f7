#include "tests/client/fake/fake_rpc.h"

#include <utility>

#include "common/base/checksum.h"

namespace flotilla::client::testing {
namespace {

using Data = FakeCluster::Data;

std::string After(const std::string& key) { return key + '\0'; }

// A connection to whichever store has the address when a request is made.
class FakeConnection final : public StoreConnection {
 public:
  FakeConnection(FakeCluster* cluster, std::string address)
      : cluster_(cluster), address_(std::move(address)) {}

  void RawGet(const kvrpcpb::RawGetRequest& request, kvrpcpb::RawGetResponse* response,
              env::Instant, rpc::Done done) override {
    Serve("RawGet", request, response, {request.key(), After(request.key())}, done,
          [&](Data& data) {
            auto it = data.find(request.key());
            response->set_not_found(it == data.end());
            if (it != data.end()) response->set_value(it->second.value);
          });
  }
  void RawBatchGet(const kvrpcpb::RawBatchGetRequest& request,
                   kvrpcpb::RawBatchGetResponse* response, env::Instant, rpc::Done done) override {
    const KeyRange keys{*request.keys().begin(), After(*request.keys().rbegin())};
    const uint64_t limit = cluster_->max_answer_bytes();
    Serve("RawBatchGet", request, response, keys, done, [&](Data& data) {
      for (const std::string& key : request.keys()) {
        auto it = data.find(key);
        if (it != data.end()) AddPair(response->add_pairs(), *it, false);
      }
      RefuseOver(limit, "AnswerTooLarge", response->mutable_pairs());
    });
  }
  void RawPut(const kvrpcpb::RawPutRequest& request, kvrpcpb::RawPutResponse* response,
              env::Instant, rpc::Done done) override {
    ServeWrite(&StoreConnection::RawPut, "RawPut", request, response,
               {request.key(), After(request.key())}, done, [&](Data& data) {
                 data[request.key()] = {request.value(), request.ttl()};
               });
  }
  void RawBatchPut(const kvrpcpb::RawBatchPutRequest& request,
                   kvrpcpb::RawBatchPutResponse* response, env::Instant, rpc::Done done) override {
    const KeyRange keys{request.pairs().begin()->key(), After(request.pairs().rbegin()->key())};
    ServeWrite(&StoreConnection::RawBatchPut, "RawBatchPut", request, response, keys, done,
               [&](Data& data) {
                 for (int i = 0; i < request.pairs_size(); ++i) {
                   data[request.pairs(i).key()] = {request.pairs(i).value(), request.ttls(i)};
                 }
               });
  }
  void RawDelete(const kvrpcpb::RawDeleteRequest& request, kvrpcpb::RawDeleteResponse* response,
                 env::Instant, rpc::Done done) override {
    ServeWrite(&StoreConnection::RawDelete, "RawDelete", request, response,
               {request.key(), After(request.key())}, done,
               [&](Data& data) { data.erase(request.key()); });
  }
  void RawBatchDelete(const kvrpcpb::RawBatchDeleteRequest& request,
                      kvrpcpb::RawBatchDeleteResponse* response, env::Instant,
                      rpc::Done done) override {
    const KeyRange keys{*request.keys().begin(), After(*request.keys().rbegin())};
    ServeWrite(&StoreConnection::RawBatchDelete, "RawBatchDelete", request, response, keys, done,
               [&](Data& data) {
                 for (const std::string& key : request.keys()) data.erase(key);
               });
  }
  void RawScan(const kvrpcpb::RawScanRequest& request, kvrpcpb::RawScanResponse* response,
               env::Instant, rpc::Done done) override {
    const KeyRange keys = request.reverse() ? KeyRange{request.end_key(), request.start_key()}
                                            : KeyRange{request.start_key(), request.end_key()};
    const uint64_t limit = cluster_->max_answer_bytes();
    Serve("RawScan", request, response, keys, done, [&](Data& data) {
      auto low = data.lower_bound(keys.start);
      auto high = keys.end.empty() ? data.end() : data.lower_bound(keys.end);
      const auto add = [&](const Data::value_type& row) {
        AddPair(response->add_kvs(), row, request.key_only());
      };
      if (request.reverse()) {
        while (high != low && Room(request, *response)) add(*--high);
      } else {
        for (; low != high && Room(request, *response); ++low) add(*low);
      }
      RefuseOver(limit, "ScanTooLarge", response->mutable_kvs());
    });
  }
  void RawDeleteRange(const kvrpcpb::RawDeleteRangeRequest& request,
                      kvrpcpb::RawDeleteRangeResponse* response, env::Instant,
                      rpc::Done done) override {
    const KeyRange keys{request.start_key(), request.end_key()};
    ServeWrite(&StoreConnection::RawDeleteRange, "RawDeleteRange", request, response, keys, done,
               [&](Data& data) {
                 data.erase(data.lower_bound(keys.start),
                            keys.end.empty() ? data.end() : data.lower_bound(keys.end));
               });
  }
  void RawGetKeyTtl(const kvrpcpb::RawGetKeyTTLRequest& request,
                    kvrpcpb::RawGetKeyTTLResponse* response, env::Instant,
                    rpc::Done done) override {
    Serve("RawGetKeyTTL", request, response, {request.key(), After(request.key())}, done,
          [&](Data& data) {
            auto it = data.find(request.key());
            response->set_not_found(it == data.end());
            if (it != data.end()) response->set_ttl(it->second.ttl_seconds);
          });
  }
  void RawCompareAndSwap(const kvrpcpb::RawCASRequest& request, kvrpcpb::RawCASResponse* response,
                         env::Instant, rpc::Done done) override {
    ServeWrite(&StoreConnection::RawCompareAndSwap, "RawCompareAndSwap", request, response,
               {request.key(), After(request.key())}, done, [&](Data& data) {
                 auto it = data.find(request.key());
                 response->set_previous_not_exist(it == data.end());
                 if (it != data.end()) response->set_previous_value(it->second.value);
                 const bool matches = it == data.end()
                                          ? request.previous_not_exist()
                                          : !request.previous_not_exist() &&
                                                it->second.value == request.previous_value();
                 response->set_succeed(matches);
                 if (matches) data[request.key()] = {request.value(), request.ttl()};
               });
  }
  void RawChecksum(const kvrpcpb::RawChecksumRequest& request,
                   kvrpcpb::RawChecksumResponse* response, env::Instant, rpc::Done done) override {
    const KeyRange keys{request.ranges(0).start_key(), request.ranges(0).end_key()};
    Serve("RawChecksum", request, response, keys, done, [&](Data& data) {
      for (auto it = data.lower_bound(keys.start); it != data.end() && keys.Contains(it->first);
           ++it) {
        response->set_checksum(response->checksum() ^ Crc64(Crc64(0, it->first), it->second.value));
        response->set_total_kvs(response->total_kvs() + 1);
        response->set_total_bytes(response->total_bytes() + it->first.size() +
                                  it->second.value.size());
      }
    });
  }
  void SplitRegion(const kvrpcpb::SplitRegionRequest& request,
                   kvrpcpb::SplitRegionResponse* response, env::Instant, rpc::Done done) override {
    const std::string& key = request.split_keys(0);
    bool may_split = false;
    errorpb::Error error;
    absl::Status status = cluster_->Serve({cluster_->StoreAt(address_),
                                           "SplitRegion",
                                           request.context(),
                                           {key, After(key)},
                                           [&](Data&) { may_split = true; },
                                           [] {}},
                                          &error);
    if (error.ByteSizeLong() > 0) *response->mutable_region_error() = error;
    if (may_split) {
      for (metapb::Region& region :
           cluster_->SplitAt({request.split_keys().begin(), request.split_keys().end()})) {
        *response->add_regions() = std::move(region);
      }
    }
    std::move(done)(std::move(status));
  }

 private:
  template <typename Response>
  static bool Room(const kvrpcpb::RawScanRequest& request, const Response& response) {
    return static_cast<uint32_t>(response.kvs_size()) < request.limit();
  }

  static void AddPair(kvrpcpb::KvPair* pair, const Data::value_type& row, bool key_only) {
    pair->set_key(row.first);
    if (!key_only) pair->set_value(row.second.value);
  }

  template <typename Pairs>
  static void RefuseOver(uint64_t limit, const std::string& error, Pairs* pairs) {
    uint64_t bytes = 0;
    for (const kvrpcpb::KvPair& pair : *pairs) bytes += pair.key().size() + pair.value().size();
    if (bytes <= limit) return;
    pairs->Clear();
    pairs->Add()->mutable_error()->set_abort(error + ": more than the limit");
  }

  // A read whose connection broke may be sent again, so that nobody cares for a late copy.
  template <typename Request, typename Response>
  void Serve(std::string_view name, const Request& request, Response* response, KeyRange keys,
             rpc::Done& done, std::function<void(Data&)> command) {
    ServeCommand({cluster_->StoreAt(address_), name, request.context(), std::move(keys),
                  std::move(command), [] {}},
                 response, done);
  }

  template <typename Request, typename Response>
  void ServeWrite(Method<Request, Response> method, std::string_view name, const Request& request,
                  Response* response, KeyRange keys, rpc::Done& done,
                  std::function<void(Data&)> command) {
    const auto send_copy = [cluster = cluster_, address = address_, method, request] {
      FakeConnection connection(cluster, address);
      Response ignored;
      (connection.*method)(request, &ignored, env::Instant(), [](absl::Status) {});
    };
    ServeCommand({cluster_->StoreAt(address_), name, request.context(), std::move(keys),
                  std::move(command), send_copy},
                 response, done);
  }

  template <typename Response>
  void ServeCommand(FakeCluster::Request command, Response* response, rpc::Done& done) {
    errorpb::Error error;
    absl::Status status = cluster_->Serve(command, &error);
    if (error.ByteSizeLong() > 0) *response->mutable_region_error() = error;
    std::move(done)(std::move(status));
  }

  FakeCluster* const cluster_;
  const std::string address_;
};

}  // namespace

void FakePdClient::GetTimestamps(uint32_t, pdclient::Callback<pdclient::Timestamp> done) {
  std::move(done)(absl::UnimplementedError("timestamps"));
}

void FakePdClient::Call(std::string_view method, std::unique_ptr<Message> request,
                        std::unique_ptr<Message> response,
                        absl::AnyInvocable<void(absl::Status, std::unique_ptr<Message>) &&> done) {
  absl::Status status = cluster_->CallPd(method, *request, response.get());
  std::move(done)(std::move(status), std::move(response));
}

std::shared_ptr<StoreConnection> FakeConnector::Connect(const std::string& address) {
  return std::make_shared<FakeConnection>(cluster_, address);
}

}  // namespace flotilla::client::testing
