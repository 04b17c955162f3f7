// What a store tells another one beside a Raft message (net::Envelope::context).
#ifndef FLOTILLA_STORE_REGION_MESSAGE_CONTEXT_H_
#define FLOTILLA_STORE_REGION_MESSAGE_CONTEXT_H_

#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "common/base/bytes.h"
#include "common/base/ids.h"
#include "common/base/key_range.h"
#include "tikv/metapb.pb.h"

namespace flotilla::store {

// The range of the sender's region: a receiver without a peer creates one only when the range is
// free there.
struct RangeHint {
  KeyRange range;
};
// `removed` is no member of `region` any more; the Raft message is to be ignored.
struct RemovedNotice {
  metapb::Region region;
  PeerId removed;
};
// The sender has not heard of a leader for long: is it still a member? The Raft message is to be
// ignored.
struct MembershipQuestion {};
// What a replica holds at an entry, for the leader that compares (store/consistency). The Raft
// message is to be ignored.
struct HashReport {
  uint64_t check_id = 0;
  Index at;
  // False: the replica has no time for it.
  bool computed = false;
  uint64_t hash = 0;
  uint64_t keys = 0;
};

using MessageContext =
    std::variant<std::monostate, RangeHint, RemovedNotice, MembershipQuestion, HashReport>;

Bytes EncodeContext(const MessageContext& context);
// DataLoss when malformed. Empty data are std::monostate.
absl::StatusOr<MessageContext> DecodeContext(std::string_view data);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGION_MESSAGE_CONTEXT_H_
