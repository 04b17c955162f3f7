#include "common/disk/disk_reserve.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/units.h"

namespace flotilla::disk {
namespace {

constexpr std::string_view kFile = "/RESERVE";

const char* Meaning(DiskLevel level) {
  switch (level) {
    case DiskLevel::kRoomy:
      return "writes are taken again";
    case DiskLevel::kFull:
      return "writes that add data are refused; reads and deletions go on";
    case DiskLevel::kCritical:
      return "writes that add data are refused, and entries of other leaders are not taken";
  }
  return "";
}

}  // namespace

DiskReserve::DiskReserve(env::FileSystem* files, std::string dir, uint64_t reserve_bytes,
                         const env::Clock* clock, metrics::Registry* metrics)
    : files_(files),
      dir_(std::move(dir)),
      path_(dir_ + std::string(kFile)),
      reserve_(reserve_bytes),
      clock_(clock),
      level_gauge_(
          metrics->AddGauge("flotilla_disk_level",
                            "0: there is room; 1: full, growing writes are refused; 2: critical")),
      available_gauge_(metrics->AddGauge("flotilla_disk_available_bytes",
                                         "Space that data may still take, without the reserve")) {
  held_ = files_->FileSize(path_).value_or(0);
  Look();
}

bool DiskReserve::RunOnce() {
  if (clock_->Now() >= next_look_) Look();
  return false;
}

void DiskReserve::Look() {
  const env::Instant now = clock_->Now();
  next_look_ = now + kInterval;
  const absl::StatusOr<env::DiskSpace> space = files_->Space(dir_);
  if (!space.ok()) {
    if (now < next_log_) return;
    next_log_ = now + kLogInterval;
    LOG_WARN("the disk's space is not known: {}", space.status().ToString());
    return;
  }
  const uint64_t free_bytes = space->available + held_;
  capacity_ = space->capacity;
  available_ = free_bytes - std::min(free_bytes, reserve_);
  available_gauge_.Set(static_cast<double>(available()));
  SetLevel(LevelAt(free_bytes), free_bytes);
  KeepFile(level() == DiskLevel::kRoomy);
}

DiskLevel DiskReserve::LevelAt(uint64_t free_bytes) const {
  const DiskLevel before = level();
  const uint64_t critical = reserve_ / (before == DiskLevel::kCritical ? 2 : 4);
  const uint64_t full = reserve_ + (before == DiskLevel::kRoomy ? 0 : reserve_ / 4);
  if (free_bytes < critical) return DiskLevel::kCritical;
  return free_bytes < full ? DiskLevel::kFull : DiskLevel::kRoomy;
}

void DiskReserve::SetLevel(DiskLevel level, uint64_t free_bytes) {
  const bool changed = level != level_.exchange(level);
  level_gauge_.Set(static_cast<double>(level));
  const bool repeats = level != DiskLevel::kRoomy && clock_->Now() >= next_log_;
  if (!changed && !repeats) return;
  next_log_ = clock_->Now() + kLogInterval;
  LOG_WARN("the disk under {} has {} KiB free, the reserve included, of a reserve of {} KiB: {}",
           dir_, free_bytes / kKiB, reserve_ / kKiB, Meaning(level));
}

// A file of another size is of a start with another configuration.
void DiskReserve::KeepFile(bool wanted) {
  const uint64_t size = wanted ? reserve_ / 4 * 3 : 0;
  if (held_ == size) return;
  if (held_ > 0) {
    if (const absl::Status status = files_->Remove(path_); !status.ok()) {
      LOG_WARN("the reserve is not released: {}", status.ToString());
      return;
    }
    held_ = 0;
  }
  if (size == 0) return;
  const absl::Status status = files_->Allocate(path_, size);
  if (status.ok()) {
    held_ = size;
    complained_ = false;
  } else if (!complained_) {
    complained_ = true;
    LOG_WARN("no space is set aside for a full disk: {}", status.ToString());
  }
}

}  // namespace flotilla::disk
