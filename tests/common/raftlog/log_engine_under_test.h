// The log engines that the conformance tests run on: each can lose its process and come back.
#ifndef FLOTILLA_TESTS_COMMON_RAFTLOG_LOG_ENGINE_UNDER_TEST_H_
#define FLOTILLA_TESTS_COMMON_RAFTLOG_LOG_ENGINE_UNDER_TEST_H_

#include <memory>
#include <string>
#include <vector>

#include "common/raftlog/log_engine.h"
#include "common/raftlog/rocks_log_engine.h"

namespace flotilla::raftlog {

class LogEngineUnderTest {
 public:
  virtual ~LogEngineUnderTest() = default;
  virtual LogEngine& engine() = 0;
  // What was written stays.
  virtual void Restart() = 0;
  // Damages the stored entry.
  virtual void Corrupt(RegionId region_id, Index index) = 0;
  // Lets background work happen now.
  virtual void Compact() = 0;
};

std::unique_ptr<LogEngineUnderTest> NewMemoryLogEngineUnderTest();
// In a new directory.
std::unique_ptr<LogEngineUnderTest> NewRocksLogEngineUnderTest(const std::string& name,
                                                               const RocksLogOptions& options = {});

// An entry whose data are `data`.
raft::Entry MakeEntry(uint64_t term, uint64_t index, const std::string& data = "data");
// A change that appends entries of `term` with indices [first, last].
LogChange Append(RegionId region_id, uint64_t term, uint64_t first, uint64_t last);

}  // namespace flotilla::raftlog

#endif  // FLOTILLA_TESTS_COMMON_RAFTLOG_LOG_ENGINE_UNDER_TEST_H_
