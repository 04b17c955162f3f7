// What libFuzzer calls. The environment says which target the process runs, and where its seeds go:
// FLOTILLA_FUZZ_TARGET, FLOTILLA_FUZZ_SEEDS (tests/fuzz/run sets both).
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/check.h"
#include "tests/fuzz/fuzz_target.h"

namespace flotilla::fuzz {
namespace {

std::unique_ptr<FuzzTarget> MakeTarget() {
  const char* name = std::getenv("FLOTILLA_FUZZ_TARGET");
  CHECK(name != nullptr) << "FLOTILLA_FUZZ_TARGET is not set";
  for (const NamedTarget& target : kTargets) {
    if (target.name == name) return target.make();
  }
  CHECK(false) << "no target " << name;
  return nullptr;
}

}  // namespace
}  // namespace flotilla::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  const char* directory = std::getenv("FLOTILLA_FUZZ_SEEDS");
  if (directory == nullptr) return 0;
  size_t number = 0;
  for (const std::string& seed : flotilla::fuzz::MakeTarget()->Seeds()) {
    std::ofstream file(std::string(directory) + "/seed-" + std::to_string(number++),
                       std::ios::binary);
    file << seed;
    CHECK(file.flush().good()) << "cannot write seeds to " << directory;
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::unique_ptr<flotilla::fuzz::FuzzTarget> target = flotilla::fuzz::MakeTarget();
  target->Run(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
