// A hash of what every replica holds at one entry: how replicas are compared. The whole life of it.
//
//   1. The leader's checker (consistency/checker.h) proposes the command.
//   2. Check, on the leader's raft worker: the region's version, as for a write.
//   3. Apply, on every replica: nothing is written. A view of the engine is taken that shows the
//      region as of this entry, and handed to the replica hasher (consistency/replica_hasher.h). A
//      replica whose hasher has no room says so: applying never waits.
//   4. The hasher reads the view in the background, and each store tells the leader's store.
//   5. The leader compares (consistency/verdict.h).
//
// The hash is of bytes as they are stored: nothing of it depends on a clock or a configuration.
// After a crash the entry may be applied once more; the leader does not wait for it any more.
#ifndef FLOTILLA_STORE_OPERATION_HASH_H_
#define FLOTILLA_STORE_OPERATION_HASH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/engine/kv_engine.h"
#include "common/multiraft/state_machine.h"
#include "store/region/peer_identity.h"
#include "store/region/region.h"

namespace flotilla::store {

struct ComputeHash {
  uint64_t check_id = 0;
  // The store that wants to hear of it.
  StoreId reply_to;
};

std::string EncodeComputeHash(uint64_t version, const ComputeHash& command);
// `body` follows the header.
absl::StatusOr<ComputeHash> DecodeComputeHash(std::string_view body);

// One replica at one entry.
struct HashTask {
  PeerIdentity self;
  Region region;
  Index at;
  ComputeHash command;
  // Null: there is no room; the answer is that nothing was computed.
  std::shared_ptr<const engine::Snapshot> view;
};

// Thread-safe; never blocks.
class HashSink {
 public:
  virtual ~HashSink() = default;
  // Keeps room for one task with a view, which must follow. False: there is none.
  [[nodiscard]] virtual bool Reserve() = 0;
  virtual void Take(HashTask task) = 0;
};

struct Replica {
  PeerIdentity self;
  const Region& region;
};
multiraft::CommandResult ApplyComputeHash(multiraft::ApplyContext& context,
                                          const engine::KvEngine& engine,
                                          const ComputeHash& command, const Replica& replica,
                                          HashSink* sink);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_OPERATION_HASH_H_
