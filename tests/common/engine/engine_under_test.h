// The engines that the conformance tests run on: each can lose its process and come back.
#ifndef FLOTILLA_TESTS_COMMON_ENGINE_ENGINE_UNDER_TEST_H_
#define FLOTILLA_TESTS_COMMON_ENGINE_ENGINE_UNDER_TEST_H_

#include <memory>
#include <string>

#include "common/engine/kv_engine.h"
#include "common/env/file_system.h"

namespace flotilla::engine {

class EngineUnderTest {
 public:
  virtual ~EngineUnderTest() = default;
  virtual KvEngine& engine() = 0;
  virtual env::FileSystem& files() = 0;
  // An existing directory for exported files.
  virtual const std::string& dir() const = 0;
  // What was not flushed is lost. Snapshots and iterators must be gone.
  virtual void Crash() = 0;
};

std::unique_ptr<EngineUnderTest> NewMemoryEngineUnderTest();
// In a new directory.
std::unique_ptr<EngineUnderTest> NewRocksEngineUnderTest(const std::string& name);

}  // namespace flotilla::engine

#endif  // FLOTILLA_TESTS_COMMON_ENGINE_ENGINE_UNDER_TEST_H_
