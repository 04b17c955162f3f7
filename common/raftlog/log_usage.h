// How much the logs of all groups of a process hold: entries that may still be asked for.
//
// Thread-safe. Written by the groups' logs, read by whoever decides when to truncate.
#ifndef FLOTILLA_COMMON_RAFTLOG_LOG_USAGE_H_
#define FLOTILLA_COMMON_RAFTLOG_LOG_USAGE_H_

#include <atomic>
#include <cstdint>

namespace flotilla::raftlog {

class LogUsage {
 public:
  void AddGroup() { groups_.fetch_add(1, std::memory_order_relaxed); }
  // A group that held `bytes` leaves.
  void RemoveGroup(uint64_t bytes) {
    groups_.fetch_sub(1, std::memory_order_relaxed);
    Move(bytes, 0);
  }
  // A group's log, which held `before`, now holds `after`.
  void Move(uint64_t before, uint64_t after) {
    bytes_.fetch_add(after - before, std::memory_order_relaxed);
  }

  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t groups() const { return groups_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> bytes_{0};  // Differences wrap around, their sum does not.
  std::atomic<uint64_t> groups_{0};
};

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_COMMON_RAFTLOG_LOG_USAGE_H_
