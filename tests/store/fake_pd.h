// A PD in the same process: gives ids and addresses, remembers what it is told. Answers at once, on
// the caller's thread.
#ifndef FLOTILLA_TESTS_STORE_FAKE_PD_H_
#define FLOTILLA_TESTS_STORE_FAKE_PD_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "common/pdclient/pd_client.h"

namespace flotilla::store {

class FakePd : public pdclient::PdClient {
 public:
  ClusterId cluster_id() const override { return cluster; }
  void GetTimestamps(uint32_t, pdclient::Callback<pdclient::Timestamp> done) override {
    std::move(done)(absl::UnimplementedError("no timestamps here"));
  }
  void SendRegionHeartbeat(pdpb::RegionHeartbeatRequest heartbeat) override {
    if (on_heartbeat) on_heartbeat(heartbeat);
    const uint64_t id = heartbeat.region().id();
    heartbeats.insert_or_assign(id, std::move(heartbeat));
  }
  void SetHeartbeatListener(pdclient::HeartbeatListener*) override {}

  uint64_t NextId() { return ++last_id; }

  ClusterId cluster{7};
  uint64_t last_id = 1000;
  std::optional<metapb::Region> bootstrapped;
  // The last one of each region.
  std::map<uint64_t, pdpb::RegionHeartbeatRequest> heartbeats;
  std::map<uint64_t, metapb::Store> stores;
  std::map<uint64_t, registry::v1::StoreMemory> memories;
  std::function<void(const pdpb::RegionHeartbeatRequest&)> on_heartbeat;
  // Answers every call, while it is not OK.
  absl::Status down;
  // So many times a store that is known at another address is refused.
  int refuses_moves = 0;

 protected:
  void Call(std::string_view method, std::unique_ptr<Message> request,
            std::unique_ptr<Message> response,
            absl::AnyInvocable<void(absl::Status, std::unique_ptr<Message>) &&> done) override;

 private:
  absl::Status Register(const registry::v1::RegisterRequest& asked,
                        registry::v1::RegisterResponse* answer);
};

}  // namespace flotilla::store

#endif  // FLOTILLA_TESTS_STORE_FAKE_PD_H_
