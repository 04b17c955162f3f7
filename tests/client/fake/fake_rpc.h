// The fake cluster behind the client's two interfaces to the outside.
#ifndef FLOTILLA_TESTS_CLIENT_FAKE_FAKE_RPC_H_
#define FLOTILLA_TESTS_CLIENT_FAKE_FAKE_RPC_H_

#include <memory>
#include <string>

#include "client/store_rpc.h"
#include "common/pdclient/pd_client.h"
#include "tests/client/fake/fake_cluster.h"

namespace flotilla::client::testing {

class FakePdClient final : public pdclient::PdClient {
 public:
  explicit FakePdClient(FakeCluster* cluster) : cluster_(cluster) {}

  ClusterId cluster_id() const override { return ClusterId(42); }
  void GetTimestamps(uint32_t, pdclient::Callback<pdclient::Timestamp> done) override;
  void SendRegionHeartbeat(pdpb::RegionHeartbeatRequest) override {}
  void SetHeartbeatListener(pdclient::HeartbeatListener*) override {}

 protected:
  void Call(std::string_view method, std::unique_ptr<Message> request,
            std::unique_ptr<Message> response,
            absl::AnyInvocable<void(absl::Status, std::unique_ptr<Message>) &&> done) override;

 private:
  FakeCluster* const cluster_;
};

class FakeConnector final : public StoreConnector {
 public:
  explicit FakeConnector(FakeCluster* cluster) : cluster_(cluster) {}
  std::shared_ptr<StoreConnection> Connect(const std::string& address) override;
  void Shutdown() override {}

 private:
  FakeCluster* const cluster_;
};

}  // namespace flotilla::client::testing

#endif  // FLOTILLA_TESTS_CLIENT_FAKE_FAKE_RPC_H_
