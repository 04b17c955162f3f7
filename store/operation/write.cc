#include "store/operation/write.h"

#include <optional>
#include <string>

#include "common/base/check.h"
#include "common/base/planted_bugs.h"
#include "store/kv/command.h"
#include "store/kv/value_format.h"

namespace flotilla::store {
namespace {

void Count(PeerTraffic& traffic, uint64_t keys, uint64_t bytes) {
  traffic.keys_written.fetch_add(keys, std::memory_order_relaxed);
  traffic.bytes_written.fetch_add(bytes, std::memory_order_relaxed);
}

}  // namespace

multiraft::CommandResult ApplyWrite(engine::WriteBatch& batch, std::string_view body,
                                    PeerTraffic& traffic) {
  uint64_t keys = 0;
  uint64_t bytes = 0;
  while (!body.empty()) {
    const auto operation = TakeWriteOperation(body);
    // The log's checksum held, so the command was malformed when it was proposed.
    CHECK_OK(operation.status());
    switch (operation->kind) {
      case WriteKind::kPut:
        batch.Put(operation->cf, operation->key, operation->value);
        bytes += operation->key.size() + operation->value.size();
        break;
      case WriteKind::kDelete:
        batch.Delete(operation->cf, operation->key);
        bytes += operation->key.size();
        break;
      case WriteKind::kDeleteRange: {
        KeyRange range{std::string(operation->key), std::string(operation->value)};
        if (Planted(Bug::kDeleteRangeInclusive)) range.end += '\0';
        batch.DeleteRange(operation->cf, range);
        break;
      }
    }
    ++keys;
  }
  Count(traffic, keys, bytes);
  return {};
}

multiraft::CommandResult ApplyCompareAndSwap(multiraft::ApplyContext& context,
                                             const engine::KvEngine& engine, std::string_view body,
                                             PeerTraffic& traffic) {
  const auto command = DecodeCompareAndSwap(body);
  CHECK_OK(command.status());
  if (!Planted(Bug::kCasNotAtomic)) context.WriteOut();
  const auto stored = engine.Get(engine::ColumnFamily::kDefault, command->key);
  CHECK_OK(stored.status());

  CompareAndSwapOutcome outcome;
  if (stored->has_value()) {
    const auto present = ParseStoredValue(**stored);
    CHECK_OK(present.status());
    outcome.existed = !present->ExpiredAt(static_cast<int64_t>(command->now_ms));
    if (outcome.existed) outcome.previous = present->value;
  }
  outcome.swapped = command->expect_absent
                        ? !outcome.existed
                        : outcome.existed && outcome.previous == command->expected;
  if (outcome.swapped) {
    if (command->remove) {
      context.batch().Delete(engine::ColumnFamily::kDefault, command->key);
    } else {
      context.batch().Put(engine::ColumnFamily::kDefault, command->key, command->replacement);
    }
    Count(traffic, 1, command->key.size() + command->replacement.size());
  }
  multiraft::CommandResult result;
  result.payload = EncodeOutcome(outcome);
  return result;
}

}  // namespace flotilla::store
