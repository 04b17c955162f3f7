// The stage that tells PD how far this store's log has come on its disk, so that PD knows an older
// copy of its data from it (pd/meta/store_memory.h).
//
// Thread: its own.
#ifndef FLOTILLA_STORE_HEARTBEAT_POSITION_REPORT_H_
#define FLOTILLA_STORE_HEARTBEAT_POSITION_REPORT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "common/env/clock.h"
#include "common/env/fail_stop.h"
#include "common/env/stage.h"
#include "common/metrics/registry.h"
#include "common/pdclient/pd_client.h"
#include "common/raftlog/log_engine.h"

namespace flotilla::store {

class PositionReport final : public env::Stage {
 public:
  static constexpr env::Duration kInterval = std::chrono::seconds(10);

  // Which start of which store, as PD took it.
  struct Start {
    StoreId store_id;
    uint64_t generation = 0;
  };

  // What it works with; all must outlive the stage, the last two the PD client's callbacks as well.
  struct Parts {
    const raftlog::LogEngine* log = nullptr;
    pdclient::PdClient* pd = nullptr;
    const env::Clock* clock = nullptr;
    metrics::Registry* metrics = nullptr;
    // Hears when PD has taken a later start of this store, which is then another process with a
    // copy of these data.
    env::FailStop* fail_stop = nullptr;
  };
  PositionReport(const Start& start, const Parts& parts);

  std::string_view name() const override { return "position"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override { return next_; }

 private:
  const Start start_;
  const Parts on_;
  metrics::Gauge& saved_;
  env::Instant next_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_HEARTBEAT_POSITION_REPORT_H_
