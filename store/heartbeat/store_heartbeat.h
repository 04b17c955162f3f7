// The stage that tells PD how this store is doing.
//
// Thread: its own.
#ifndef FLOTILLA_STORE_HEARTBEAT_STORE_HEARTBEAT_H_
#define FLOTILLA_STORE_HEARTBEAT_STORE_HEARTBEAT_H_

#include <functional>
#include <optional>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "common/env/clock.h"
#include "common/env/stage.h"
#include "common/pdclient/pd_client.h"
#include "store/region/region_index.h"

namespace flotilla::store {

// Fills in what the data directory's disk tells: capacity, available, used_size, slow_score.
using DiskUsage = absl::AnyInvocable<void(pdpb::StoreStats&) const>;

// PD has answered that this store was declared lost: its replicas are made anew elsewhere. Called
// on a thread of the PD client's, perhaps more than once.
using OnDeclaredLost = std::function<void()>;

struct StoreHeartbeatOptions {
  env::Duration interval = std::chrono::seconds(10);
  // May be empty.
  OnDeclaredLost on_declared_lost;
};

class StoreHeartbeat final : public env::Stage {
 public:
  // All must outlive the stage.
  StoreHeartbeat(StoreId store_id, const RegionIndex* index, pdclient::PdClient* pd,
                 const env::Clock* clock, DiskUsage disk_usage, StoreHeartbeatOptions options);

  std::string_view name() const override { return "heartbeat"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override { return next_; }

 private:
  void Send();

  const StoreId store_id_;
  const RegionIndex* const index_;
  pdclient::PdClient* const pd_;
  const env::Clock* const clock_;
  const DiskUsage disk_usage_;
  const StoreHeartbeatOptions options_;
  const int64_t started_seconds_;
  env::Instant next_;
  int64_t sent_seconds_;
  // Totals of all regions as of the last heartbeat.
  pdpb::StoreStats sent_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_HEARTBEAT_STORE_HEARTBEAT_H_
