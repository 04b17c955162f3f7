// The space that a data directory keeps for the time when its disk is full: a file that takes three
// quarters of it in advance, and a threshold.
//
//   free space, the file included        level       what the tenant does
//   at least `reserve`                   kRoomy      everything
//   less                                 kFull       refuses what makes the data grow; the file is
//                                                    removed, so that all else has its space
//   less than a quarter of `reserve`     kCritical   takes no entries of other leaders either
//
// The file is there against others who fill the disk at once: the process that then stops for lack
// of space finds some when it starts again. Levels are left a quarter above (twice above kCritical)
// where they are entered, so that they do not flicker.
//
// Thread: a stage of its own; level() and available() from any.
#ifndef FLOTILLA_COMMON_DISK_DISK_RESERVE_H_
#define FLOTILLA_COMMON_DISK_DISK_RESERVE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/env/clock.h"
#include "common/env/file_system.h"
#include "common/env/stage.h"
#include "common/metrics/registry.h"

namespace flotilla::disk {

enum class DiskLevel : uint8_t { kRoomy = 0, kFull = 1, kCritical = 2 };

class DiskReserve final : public env::Stage {
 public:
  static constexpr env::Duration kInterval = std::chrono::seconds(1);
  static constexpr env::Duration kLogInterval = std::chrono::minutes(1);

  // Looks at the disk at once: whoever opens files after this has the reserve's space, if it is
  // needed. `dir` exists. A `reserve_bytes` of 0: no reserve, and always kRoomy. All must outlive
  // the object.
  DiskReserve(env::FileSystem* files, std::string dir, uint64_t reserve_bytes,
              const env::Clock* clock, metrics::Registry* metrics);

  DiskLevel level() const { return level_.load(std::memory_order_relaxed); }
  // Bytes that data may still take: the reserve is not among them.
  uint64_t available() const { return available_.load(std::memory_order_relaxed); }
  uint64_t capacity() const { return capacity_.load(std::memory_order_relaxed); }

  std::string_view name() const override { return "disk-reserve"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override { return next_look_; }

 private:
  void Look();
  DiskLevel LevelAt(uint64_t free_bytes) const;
  void SetLevel(DiskLevel level, uint64_t free_bytes);
  void KeepFile(bool wanted);

  env::FileSystem* const files_;
  const std::string dir_;
  const std::string path_;
  const uint64_t reserve_;
  const env::Clock* const clock_;
  metrics::Gauge& level_gauge_;
  metrics::Gauge& available_gauge_;

  std::atomic<DiskLevel> level_{DiskLevel::kRoomy};
  std::atomic<uint64_t> available_{0};
  std::atomic<uint64_t> capacity_{0};
  uint64_t held_ = 0;  // Bytes of the file.
  bool complained_ = false;
  env::Instant next_look_;
  env::Instant next_log_;
};

}  // namespace flotilla::disk

#endif  // FLOTILLA_COMMON_DISK_DISK_RESERVE_H_
