// The PD client of a store that starts: what blocks a process there lets the simulated world go on
// here. A call that PD does not answer in time ends with Cancelled, and the start with it, as if
// somebody had lost patience with the process.
//
// Not thread-safe. REQUIRES: used from outside of all stages.
#ifndef FLOTILLA_TESTS_SIM_NODE_STARTING_PD_CLIENT_H_
#define FLOTILLA_TESTS_SIM_NODE_STARTING_PD_CLIENT_H_

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "common/base/check.h"
#include "common/pdclient/pd_client.h"
#include "tests/support/sim_world.h"

namespace flotilla::sim {

class StartingPdClient final : public pdclient::PdClient {
 public:
  StartingPdClient(pdclient::PdClient* client, testing::SimWorld* world, env::Duration patience)
      : client_(client), world_(world), patience_(patience) {}

  ClusterId cluster_id() const override { return client_->cluster_id(); }
  void Call(std::string_view method, std::unique_ptr<Message> request,
            std::unique_ptr<Message> response,
            absl::AnyInvocable<void(absl::Status, std::unique_ptr<Message>) &&> done) override {
    struct Answer {
      std::optional<absl::Status> status;
      std::unique_ptr<Message> message;
    };
    auto answer = std::make_shared<Answer>();
    client_->Call(method, std::move(request), std::move(response),
                  [answer](absl::Status status, std::unique_ptr<Message> message) {
                    answer->status = std::move(status);
                    answer->message = std::move(message);
                  });
    world_->RunUntil([&] { return answer->status.has_value(); }, patience_);
    const bool answered = answer->status.has_value() && !absl::IsUnavailable(*answer->status) &&
                          !absl::IsDeadlineExceeded(*answer->status);
    if (!answered) {
      std::move(done)(absl::CancelledError("PD did not answer in time"), nullptr);
    } else {
      std::move(done)(*answer->status, std::move(answer->message));
    }
  }
  void GetTimestamps(uint32_t, pdclient::Callback<pdclient::Timestamp>) override { CHECK(false); }
  void SendRegionHeartbeat(pdpb::RegionHeartbeatRequest) override { CHECK(false); }
  void SetHeartbeatListener(pdclient::HeartbeatListener*) override { CHECK(false); }

 private:
  pdclient::PdClient* const client_;
  testing::SimWorld* const world_;
  const env::Duration patience_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_NODE_STARTING_PD_CLIENT_H_
