// A write of raw keys: plain operations in one batch, and compare-and-swap. The whole life of both.
//
//   Check      RPC thread (kv/kv_api): keys lie in the region, sizes are within the limits;
//              raft worker (region_peer): the region's version is still the one of the request
//   Apply      apply worker: here
//   OnApplied  nothing but the proposer's callback
#ifndef FLOTILLA_STORE_OPERATION_WRITE_H_
#define FLOTILLA_STORE_OPERATION_WRITE_H_

#include <string_view>

#include "common/engine/kv_engine.h"
#include "common/multiraft/state_machine.h"
#include "store/region/region_index.h"

namespace flotilla::store {

// Copies the operations of a kWrite's body into the batch.
multiraft::CommandResult ApplyWrite(engine::WriteBatch& batch, std::string_view body,
                                    PeerTraffic& traffic);

// Applies the body of a kCompareAndSwap. The payload of the result is a CompareAndSwapOutcome.
multiraft::CommandResult ApplyCompareAndSwap(multiraft::ApplyContext& context,
                                             const engine::KvEngine& engine, std::string_view body,
                                             PeerTraffic& traffic);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_OPERATION_WRITE_H_
