// Clients whose callbacks come on a ClientLoop, in place of the client's own threads.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_POSTED_CLIENTS_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_POSTED_CLIENTS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/pdclient/pd_client.h"
#include "flotilla/client/raw_client.h"
#include "tests/cluster/chaos/client_loop.h"

namespace flotilla::chaos {

// `loop` must outlive the call.
template <typename... Results>
auto OnLoop(ClientLoop* loop, absl::AnyInvocable<void(Results...) &&> callback) {
  return [loop, callback = std::move(callback)](Results... results) mutable {
    loop->Post([callback = std::move(callback), ... results = std::move(results)]() mutable {
      std::move(callback)(std::move(results)...);
    });
  };
}

class PostedRawClient final : public client::RawClient {
 public:
  PostedRawClient(client::RawClient* inner, ClientLoop* loop) : inner_(inner), loop_(loop) {}

  void GetAsync(std::string key, client::CallOptions options, Callback<Value> callback) override {
    inner_->GetAsync(std::move(key), options, OnLoop(loop_, std::move(callback)));
  }
  void PutAsync(std::string key, std::string value, client::WriteOptions options,
                StatusCallback callback) override {
    inner_->PutAsync(std::move(key), std::move(value), options, OnLoop(loop_, std::move(callback)));
  }
  void DeleteAsync(std::string key, client::CallOptions options, StatusCallback callback) override {
    inner_->DeleteAsync(std::move(key), options, OnLoop(loop_, std::move(callback)));
  }
  void BatchGetAsync(std::vector<std::string> keys, client::CallOptions options,
                     Callback<Pairs> callback) override {
    inner_->BatchGetAsync(std::move(keys), options, OnLoop(loop_, std::move(callback)));
  }
  void BatchPutAsync(Pairs pairs, client::WriteOptions options, StatusCallback callback) override {
    inner_->BatchPutAsync(std::move(pairs), options, OnLoop(loop_, std::move(callback)));
  }
  void BatchDeleteAsync(std::vector<std::string> keys, client::CallOptions options,
                        StatusCallback callback) override {
    inner_->BatchDeleteAsync(std::move(keys), options, OnLoop(loop_, std::move(callback)));
  }
  void ScanAsync(client::Range range, client::ScanOptions options,
                 Callback<Pairs> callback) override {
    inner_->ScanAsync(std::move(range), options, OnLoop(loop_, std::move(callback)));
  }
  void DeleteRangeAsync(client::Range range, client::CallOptions options,
                        StatusCallback callback) override {
    inner_->DeleteRangeAsync(std::move(range), options, OnLoop(loop_, std::move(callback)));
  }
  void CompareAndSwapAsync(std::string key, Value expected, std::string value,
                           client::WriteOptions options,
                           Callback<client::CasResult> callback) override {
    inner_->CompareAndSwapAsync(std::move(key), std::move(expected), std::move(value), options,
                                OnLoop(loop_, std::move(callback)));
  }
  void GetTtlAsync(std::string key, client::CallOptions options,
                   Callback<std::optional<std::chrono::seconds>> callback) override {
    inner_->GetTtlAsync(std::move(key), options, OnLoop(loop_, std::move(callback)));
  }
  void ChecksumAsync(client::Range range, client::CallOptions options,
                     Callback<client::Checksum> callback) override {
    inner_->ChecksumAsync(std::move(range), options, OnLoop(loop_, std::move(callback)));
  }
  client::Checksum ChecksumOf(const client::KeyValue& pair) const override {
    return inner_->ChecksumOf(pair);
  }
  std::string MetricsText() const override { return inner_->MetricsText(); }

 private:
  client::RawClient* const inner_;
  ClientLoop* const loop_;
};

class PostedPdClient final : public pdclient::PdClient {
 public:
  PostedPdClient(pdclient::PdClient* inner, ClientLoop* loop) : inner_(inner), loop_(loop) {}

  ClusterId cluster_id() const override { return inner_->cluster_id(); }
  void GetTimestamps(uint32_t count, pdclient::Callback<pdclient::Timestamp> done) override {
    inner_->GetTimestamps(count, OnLoop(loop_, std::move(done)));
  }
  void SendRegionHeartbeat(pdpb::RegionHeartbeatRequest heartbeat) override {
    inner_->SendRegionHeartbeat(std::move(heartbeat));
  }
  void SetHeartbeatListener(pdclient::HeartbeatListener* listener) override {
    inner_->SetHeartbeatListener(listener);
  }
  void Call(std::string_view method, std::unique_ptr<Message> request,
            std::unique_ptr<Message> response,
            absl::AnyInvocable<void(absl::Status, std::unique_ptr<Message>) &&> done) override {
    inner_->Call(method, std::move(request), std::move(response), OnLoop(loop_, std::move(done)));
  }

 private:
  pdclient::PdClient* const inner_;
  ClientLoop* const loop_;
};

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_POSTED_CLIENTS_H_
