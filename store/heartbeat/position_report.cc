#include "store/heartbeat/position_report.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"

namespace flotilla::store {
namespace {

absl::Status Superseded(const PositionReport::Start& start, uint64_t by) {
  return absl::FailedPreconditionError(absl::StrCat(
      "PD has taken start ", by, " of store ", start.store_id.value(), ", this process is start ",
      start.generation, ": another process runs with a copy of its data directory"));
}

}  // namespace

PositionReport::PositionReport(const Start& start, const Parts& parts)
    : start_(start),
      on_(parts),
      saved_(parts.metrics->AddGauge(
          "flotilla_store_saved_position",
          "Position of the Raft log on disk up to which PD knows an older copy of the data")),
      next_(parts.clock->Now()) {}

bool PositionReport::RunOnce() {
  const env::Instant now = on_.clock->Now();
  if (now < next_) return false;
  next_ = now + kInterval;
  registry::v1::SavePositionRequest request;
  request.set_store_id(start_.store_id.value());
  request.set_generation(start_.generation);
  request.set_position(on_.log->DurablePosition());
  on_.pd->SaveStorePosition(
      request,
      [start = start_, fail_stop = on_.fail_stop, saved = &saved_,
       position = request.position()](absl::StatusOr<registry::v1::SavePositionResponse> response) {
        if (!response.ok()) {
          LOG_WARN("PD did not take the log's position: {}", response.status().ToString());
        } else if (response->superseded_by() != 0) {
          env::StopForDisk(fail_stop, Superseded(start, response->superseded_by()));
        } else {
          saved->Set(static_cast<double>(position));
        }
      });
  return false;
}

}  // namespace flotilla::store
