#include "pd/meta/store_memory.h"

namespace flotilla::pd {

std::optional<registry::v1::StoreMemory> AfterStart(const registry::v1::StoreMemory& memory,
                                                    const meta::v1::RegisterStore& start) {
  if (start.position() < memory.position()) return std::nullopt;
  registry::v1::StoreMemory after = memory;
  after.set_position(start.position());
  if (start.generation() == memory.generation()) {
    after.set_generation(memory.generation() + 1);
    after.set_nonce(start.nonce());
    return after;
  }
  const bool repeated =
      start.generation() + 1 == memory.generation() && start.nonce() == memory.nonce();
  if (repeated) return after;
  return std::nullopt;
}

}  // namespace flotilla::pd
