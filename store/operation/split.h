// A split: one region becomes several, without moving a byte. The whole life of it.
//
//   1. The split checker, PD or an administrator names keys; PD gives ids (AskBatchSplit).
//   2. Check, on the leader's raft worker: the epoch is the present one, the keys lie in the
//      region, in order, and the region is in no joint state.
//   3. The command is replicated like any other.
//   4. Apply, on every replica: the epoch is checked once more, because another change may have
//      come between; then the parent's new state, the children's states and their initial applied
//      positions are written in one batch with the parent's applied position. The rightmost piece
//      keeps the parent's id; every piece gets the parent's version plus the number of new regions.
//   5. OnApplied, on the raft worker: the index shows parent and children at once, the children's
//      groups start, and where the parent leads, they campaign without waiting for a timeout.
//
// docs/split.md tells the races: a child that a message created before the split was applied here,
// and a crash at each step.
#ifndef FLOTILLA_STORE_OPERATION_SPLIT_H_
#define FLOTILLA_STORE_OPERATION_SPLIT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/multiraft/state_machine.h"
#include "common/net/envelope.h"
#include "store/kv/key_codec.h"
#include "store/region/peer_services.h"
#include "store/region/region.h"
#include "store/region/region_index.h"

namespace flotilla::store {

// One new region: it ends where `key` begins the next piece.
struct SplitPiece {
  std::string key;
  RegionId region_id;
  // Of the region's peers, in their order.
  std::vector<PeerId> peer_ids;
};

struct SplitCommand {
  net::Epoch epoch;
  std::vector<SplitPiece> pieces;  // In key order.
};

std::string EncodeSplit(const SplitCommand& command);
// `body` follows the header, whose version is `version`.
absl::StatusOr<SplitCommand> DecodeSplit(uint64_t version, std::string_view body);

// InvalidArgument unless the keys can be boundaries, strictly inside the region and in order.
absl::Status CheckSplitKeys(const Region& region, const KeyCodec& codec,
                            const std::vector<std::string>& keys);
// May the split be proposed, or applied, to the region as it is? Pure.
absl::Status CheckSplit(const Region& region, const SplitCommand& command);

// What the region becomes. REQUIRES: CheckSplit is OK.
struct SplitOutcome {
  std::vector<Region> children;  // New regions, in key order.
  Region parent;
};
SplitOutcome DivideRegion(const Region& region, const SplitCommand& command);

class SplitEffect final : public multiraft::AppliedEffect {
 public:
  explicit SplitEffect(SplitOutcome outcome) : outcome(std::move(outcome)) {}
  const SplitOutcome outcome;
};

// Writes the states of all pieces that have a peer on `store` and replaces `region`. The payload of
// the result is EncodeRegions of all pieces.
multiraft::CommandResult ApplySplit(multiraft::ApplyContext& context, StoreId store,
                                    const SplitCommand& command, Region& region);

// `parent` is the view before the split.
void OnSplitApplied(const SplitEffect& effect, const RegionView& parent, bool is_leader,
                    PeerServices& services);

std::string EncodeRegions(const std::vector<metapb::Region>& regions);
absl::StatusOr<std::vector<metapb::Region>> DecodeRegions(std::string_view data);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_OPERATION_SPLIT_H_
