// Connect: the public way to a RawClient.
#include <memory>
#include <utility>

#include "client/cluster_connection.h"
#include "common/base/status_macros.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::client {
namespace {

// The assembly and its client as one object.
class ConnectedClient final : public RawClient {
 public:
  explicit ConnectedClient(std::unique_ptr<ClusterConnection> connection)
      : connection_(std::move(connection)), raw_(connection_->raw()) {}

  void GetAsync(std::string key, CallOptions options, Callback<Value> callback) override {
    raw_.GetAsync(std::move(key), options, std::move(callback));
  }
  void PutAsync(std::string key, std::string value, WriteOptions options,
                StatusCallback callback) override {
    raw_.PutAsync(std::move(key), std::move(value), options, std::move(callback));
  }
  void DeleteAsync(std::string key, CallOptions options, StatusCallback callback) override {
    raw_.DeleteAsync(std::move(key), options, std::move(callback));
  }
  void BatchGetAsync(std::vector<std::string> keys, CallOptions options,
                     Callback<Pairs> callback) override {
    raw_.BatchGetAsync(std::move(keys), options, std::move(callback));
  }
  void BatchPutAsync(Pairs pairs, WriteOptions options, StatusCallback callback) override {
    raw_.BatchPutAsync(std::move(pairs), options, std::move(callback));
  }
  void BatchDeleteAsync(std::vector<std::string> keys, CallOptions options,
                        StatusCallback callback) override {
    raw_.BatchDeleteAsync(std::move(keys), options, std::move(callback));
  }
  void ScanAsync(Range range, ScanOptions options, Callback<Pairs> callback) override {
    raw_.ScanAsync(std::move(range), options, std::move(callback));
  }
  void DeleteRangeAsync(Range range, CallOptions options, StatusCallback callback) override {
    raw_.DeleteRangeAsync(std::move(range), options, std::move(callback));
  }
  void CompareAndSwapAsync(std::string key, Value expected, std::string value, WriteOptions options,
                           Callback<CasResult> callback) override {
    raw_.CompareAndSwapAsync(std::move(key), std::move(expected), std::move(value), options,
                             std::move(callback));
  }
  void GetTtlAsync(std::string key, CallOptions options,
                   Callback<std::optional<std::chrono::seconds>> callback) override {
    raw_.GetTtlAsync(std::move(key), options, std::move(callback));
  }
  void ChecksumAsync(Range range, CallOptions options, Callback<Checksum> callback) override {
    raw_.ChecksumAsync(std::move(range), options, std::move(callback));
  }
  Checksum ChecksumOf(const KeyValue& pair) const override { return raw_.ChecksumOf(pair); }
  std::string MetricsText() const override { return raw_.MetricsText(); }

 private:
  const std::unique_ptr<ClusterConnection> connection_;
  RawClientImpl& raw_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RawClient>> Connect(const ClientOptions& options) {
  auto connection = std::make_unique<ClusterConnection>(options);
  RETURN_IF_ERROR(connection->OpenKeyspace());
  return std::make_unique<ConnectedClient>(std::move(connection));
}

}  // namespace flotilla::client
