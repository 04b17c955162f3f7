// What clients of simulated stores did, and what that allows them to see.
//  - Counters: each has one writer, which swaps n for n + 1 and goes on when it knows that n + 1 is
//    in. What is under way for long can then not take effect any more, so that the value only
//    grows: a read finds at least what was in when it began, and at most what was tried.
//  - Marks: keys that are written once. One that is acknowledged is there for good; one that was
//    refused never is.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_STORE_KV_WORKLOAD_HISTORY_H_
#define FLOTILLA_TESTS_STORE_KV_WORKLOAD_HISTORY_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "tests/support/violations.h"

namespace flotilla::store {

// How a write ended for whoever asked for it.
enum class WriteOutcome { kDone, kRefused, kUnknown };

class KvWorkloadHistory {
 public:
  enum class Mark { kUnknown, kAcknowledged, kRefused };

  // `violations` must outlive this.
  explicit KvWorkloadHistory(testing::Violations* violations) : violations_(violations) {}

  // --- Counters ---------------------------------------------------------------------------------
  // The value that the writer of `key` tries to swap, and the one that it tries to put in its place
  // is one more. 0 stands for a key that is not there.
  uint64_t BeginSwap(const std::string& key);
  void EndSwap(const std::string& key, uint64_t expected, WriteOutcome outcome);
  // The swap did not find what it expected, but `found`.
  void EndSwapFinding(const std::string& key, uint64_t expected, uint64_t found);
  uint64_t BeginRead(const std::string& key) const;
  void EndRead(const std::string& key, uint64_t floor, uint64_t found);

  // --- Marks ------------------------------------------------------------------------------------
  void BeginMark(const std::string& key) { marks_[key] = Mark::kUnknown; }
  void EndMark(const std::string& key, WriteOutcome outcome);
  // As of now: what a read that begins now must find.
  Mark MarkOf(const std::string& key) const { return marks_.at(key); }
  // `then` as of the beginning of the read.
  void EndMarkRead(const std::string& key, Mark then, bool found);
  const std::map<std::string, Mark>& marks() const { return marks_; }

  uint64_t writes() const { return writes_; }
  uint64_t reads() const { return reads_; }

 private:
  struct Counter {
    uint64_t value = 0;      // As its writer knows it.
    uint64_t floor = 0;      // Was read, or acknowledged.
    uint64_t under_way = 0;  // Attempts to swap `value` that were not refused.
    uint64_t most() const { return value + (under_way > 0 ? 1 : 0); }
  };
  void Advance(const std::string& key, Counter& counter, uint64_t expected);

  testing::Violations* const violations_;
  std::map<std::string, Counter> counters_;
  std::map<std::string, Mark> marks_;
  std::set<std::string> seen_;  // Marks that were read.
  uint64_t writes_ = 0;
  uint64_t reads_ = 0;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_TESTS_STORE_KV_WORKLOAD_HISTORY_H_
