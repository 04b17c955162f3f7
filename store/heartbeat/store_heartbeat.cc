#include "store/heartbeat/store_heartbeat.h"

#include <utility>

#include "common/base/log.h"

namespace flotilla::store {
namespace {

// Totals shrink when a region leaves: then what it had counted is not known any more.
uint64_t Since(uint64_t now, uint64_t before) { return now > before ? now - before : 0; }

}  // namespace

StoreHeartbeat::StoreHeartbeat(StoreId store_id, const RegionIndex* index, pdclient::PdClient* pd,
                               const env::Clock* clock, DiskUsage disk_usage,
                               StoreHeartbeatOptions options)
    : store_id_(store_id),
      index_(index),
      pd_(pd),
      clock_(clock),
      disk_usage_(std::move(disk_usage)),
      options_(std::move(options)),
      started_seconds_(clock->WallMillis() / 1000),
      next_(clock->Now()),
      sent_seconds_(started_seconds_) {}

bool StoreHeartbeat::RunOnce() {
  const env::Instant now = clock_->Now();
  if (now < next_) return false;
  next_ = now + options_.interval;
  Send();
  return false;
}

void StoreHeartbeat::Send() {
  pdpb::StoreStats totals;
  uint32_t regions = 0;
  for (const RegionViewPtr& view : index_->All()) {
    const PeerTraffic& traffic = view->peer->traffic;
    totals.set_bytes_written(totals.bytes_written() + traffic.bytes_written.load());
    totals.set_keys_written(totals.keys_written() + traffic.keys_written.load());
    totals.set_bytes_read(totals.bytes_read() + traffic.bytes_read.load());
    totals.set_keys_read(totals.keys_read() + traffic.keys_read.load());
    ++regions;
  }
  const int64_t now_seconds = clock_->WallMillis() / 1000;
  pdpb::StoreStats stats;
  stats.set_store_id(store_id_.value());
  stats.set_region_count(regions);
  stats.set_start_time(static_cast<uint32_t>(started_seconds_));
  stats.set_bytes_written(Since(totals.bytes_written(), sent_.bytes_written()));
  stats.set_keys_written(Since(totals.keys_written(), sent_.keys_written()));
  stats.set_bytes_read(Since(totals.bytes_read(), sent_.bytes_read()));
  stats.set_keys_read(Since(totals.keys_read(), sent_.keys_read()));
  stats.mutable_interval()->set_start_timestamp(static_cast<uint64_t>(sent_seconds_));
  stats.mutable_interval()->set_end_timestamp(static_cast<uint64_t>(now_seconds));
  disk_usage_(stats);
  sent_ = totals;
  sent_seconds_ = now_seconds;
  pd_->StoreHeartbeat(stats, [on_declared_lost = options_.on_declared_lost](
                                 absl::StatusOr<pdpb::StoreHeartbeatResponse> response) {
    if (!response.ok()) {
      LOG_WARN("PD did not take a heartbeat: {}", response.status().ToString());
    } else if (response->state() == metapb::Removed) {
      LOG_ERROR("PD says that this store was declared lost: its replicas are made anew elsewhere");
      if (on_declared_lost) on_declared_lost();
    }
  });
}

}  // namespace flotilla::store
