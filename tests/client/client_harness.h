// A RawClient over the fake cluster under virtual time: waits cost nothing and are seen.
#ifndef FLOTILLA_TESTS_CLIENT_CLIENT_HARNESS_H_
#define FLOTILLA_TESTS_CLIENT_CLIENT_HARNESS_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "client/core.h"
#include "client/executor.h"
#include "client/locator.h"
#include "client/raw_client_impl.h"
#include "client/region_cache.h"
#include "common/base/check.h"
#include "common/env/clock.h"
#include "common/metrics/registry.h"
#include "tests/client/fake/fake_cluster.h"
#include "tests/client/fake/fake_rpc.h"

namespace flotilla::client::testing {

// Not thread-safe: everything runs on the test's thread.
class ClientHarness {
 public:
  explicit ClientHarness(KeyCodec codec = KeyCodec::V2(KeyspaceId(7)), ClientOptions options = {})
      : ClientHarness(std::make_shared<FakeCluster>(codec, 3), std::move(options)) {}
  // One more client of the cluster that `other` has.
  explicit ClientHarness(const ClientHarness& other, ClientOptions options = {})
      : ClientHarness(other.cluster_, std::move(options)) {}

  FakeCluster& cluster() { return *cluster_; }
  RawClient& client() { return *client_; }
  RegionCache& cache() { return cache_; }
  Core& core() { return core_; }
  env::ManualClock& clock() { return clock_; }
  std::string metrics() const { return registry_.ToText(); }
  env::Duration elapsed() const { return clock_.Now() - env::Instant(); }

  // Calls `start(callback)` and lets virtual time pass until it has called back with a T.
  template <typename T, typename Start>
  T Await(Start start) {
    std::optional<T> answer;
    start([&answer](T value) {
      CHECK(!answer.has_value()) << "called back twice";
      answer.emplace(std::move(value));
    });
    while (!answer.has_value()) Step();
    return *std::move(answer);
  }
  // Runs what is due, or moves time to what is due next.
  void Step() {
    if (executor_.RunOnce()) return;
    const std::optional<env::Instant> next = executor_.next_deadline();
    CHECK(next.has_value()) << "nothing is under way, and no answer came";
    clock_.Advance(*next - clock_.Now());
  }

  absl::Status Put(std::string key, std::string value, WriteOptions options = {}) {
    return Await<absl::Status>([&](auto done) { client_->PutAsync(key, value, options, done); });
  }
  absl::StatusOr<RawClient::Value> Get(std::string key, CallOptions options = {}) {
    return Await<absl::StatusOr<RawClient::Value>>(
        [&](auto done) { client_->GetAsync(key, options, done); });
  }
  absl::Status Delete(std::string key) {
    return Await<absl::Status>([&](auto done) { client_->DeleteAsync(key, {}, done); });
  }
  absl::StatusOr<RawClient::Pairs> Scan(Range range, ScanOptions options = {}) {
    return Await<absl::StatusOr<RawClient::Pairs>>(
        [&](auto done) { client_->ScanAsync(range, options, done); });
  }
  absl::StatusOr<CasResult> Cas(std::string key, RawClient::Value expected, std::string value) {
    return Await<absl::StatusOr<CasResult>>(
        [&](auto done) { client_->CompareAndSwapAsync(key, expected, value, {}, done); });
  }
  absl::Status BatchPut(RawClient::Pairs pairs, WriteOptions options = {}) {
    return Await<absl::Status>([&](auto done) { client_->BatchPutAsync(pairs, options, done); });
  }
  absl::StatusOr<RawClient::Pairs> BatchGet(std::vector<std::string> keys) {
    return Await<absl::StatusOr<RawClient::Pairs>>(
        [&](auto done) { client_->BatchGetAsync(keys, {}, done); });
  }
  absl::Status BatchDelete(std::vector<std::string> keys) {
    return Await<absl::Status>([&](auto done) { client_->BatchDeleteAsync(keys, {}, done); });
  }
  absl::Status DeleteRange(Range range) {
    return Await<absl::Status>([&](auto done) { client_->DeleteRangeAsync(range, {}, done); });
  }
  absl::StatusOr<Checksum> ComputeChecksum(Range range) {
    return Await<absl::StatusOr<Checksum>>(
        [&](auto done) { client_->ChecksumAsync(range, {}, done); });
  }
  absl::StatusOr<std::optional<std::chrono::seconds>> GetTtl(std::string key) {
    return Await<absl::StatusOr<std::optional<std::chrono::seconds>>>(
        [&](auto done) { client_->GetTtlAsync(key, {}, done); });
  }

 private:
  ClientHarness(std::shared_ptr<FakeCluster> cluster, ClientOptions options)
      : cluster_(std::move(cluster)),
        pd_(cluster_.get()),
        connector_(cluster_.get()),
        metrics_(&registry_),
        executor_(&clock_),
        cache_(&clock_, env::Random(1), RegionCache::Options{}),
        jitter_(env::Random(2)),
        locator_(cluster_->codec(), &cache_, &pd_, &connector_, &metrics_),
        core_({&clock_, &executor_, &locator_, &jitter_, &metrics_, 42}, std::move(options)),
        client_(std::make_unique<RawClientImpl>(&core_, &connector_, &registry_)) {}

  env::ManualClock clock_;
  const std::shared_ptr<FakeCluster> cluster_;
  FakePdClient pd_;
  FakeConnector connector_;
  metrics::Registry registry_;
  ClientMetrics metrics_;
  Executor executor_;
  RegionCache cache_;
  BackoffJitter jitter_;
  Locator locator_;
  Core core_;
  std::unique_ptr<RawClientImpl> client_;
};

}  // namespace flotilla::client::testing

#endif  // FLOTILLA_TESTS_CLIENT_CLIENT_HARNESS_H_
