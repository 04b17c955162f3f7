#include "store/operation/hash.h"

#include <utility>

#include "common/base/coding.h"
#include "store/kv/command.h"

namespace flotilla::store {

std::string EncodeComputeHash(uint64_t version, const ComputeHash& command) {
  std::string out;
  PutCommandHeader(out, {CommandKind::kComputeHash, version});
  PutBigEndian64(out, command.check_id);
  PutVarint64(out, command.reply_to.value());
  return out;
}

absl::StatusOr<ComputeHash> DecodeComputeHash(std::string_view body) {
  ComputeHash command;
  uint64_t store = 0;
  if (!GetBigEndian64(body, command.check_id) || !GetVarint64(body, store) || !body.empty()) {
    return absl::DataLossError("malformed command to compute a hash");
  }
  command.reply_to = StoreId(store);
  return command;
}

multiraft::CommandResult ApplyComputeHash(multiraft::ApplyContext& context,
                                          const engine::KvEngine& engine,
                                          const ComputeHash& command, const Replica& replica,
                                          HashSink* sink) {
  if (sink == nullptr) return {};
  HashTask task{replica.self, replica.region, context.at().index, command, nullptr};
  if (sink->Reserve()) {
    // Entries before this one may wait in the batch.
    context.WriteOut();
    task.view = engine.NewSnapshot();
  }
  sink->Take(std::move(task));
  return {};
}

}  // namespace flotilla::store
