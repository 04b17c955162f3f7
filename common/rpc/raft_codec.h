// Raft envelopes to and from their wire format (proto/flotilla/raft.proto).
//
// Stateless. What comes from the network is checked here, so that the core may take the form of a
// message for granted: entries of an append follow each other and are not newer than their leader,
// enums are known, ids are not 0, configurations are valid, and no number is near its type's end.
#ifndef FLOTILLA_COMMON_RPC_RAFT_CODEC_H_
#define FLOTILLA_COMMON_RPC_RAFT_CODEC_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/net/envelope.h"

namespace flotilla::raft::v1 {
class CheckedBatch;
class Envelope;
class EnvelopeBatch;
}  // namespace flotilla::raft::v1

namespace flotilla::rpc {

// The largest term, index or heartbeat round that is taken from the network. At a million a second
// a group reaches it in 146,000 years; a forged one would else bring the last of 64 bits, after
// which no election is possible.
inline constexpr uint64_t kMaxRaftNumber = uint64_t{1} << 62;

// The stores are not part of an envelope on the wire: its batch names them once.
void EncodeEnvelope(const net::Envelope& envelope, raft::v1::Envelope* out);

// InvalidArgument when malformed. Moves payloads out of `in`.
absl::StatusOr<net::Envelope> DecodeEnvelope(raft::v1::Envelope* in, StoreId from, StoreId to);

// The batch as it goes over the wire, with its checksum.
void SealBatch(const raft::v1::EnvelopeBatch& batch, raft::v1::CheckedBatch* out);
// DataLoss when it was damaged on its way.
absl::Status OpenBatch(const raft::v1::CheckedBatch& sealed, raft::v1::EnvelopeBatch* out);

// What an envelope weighs in a queue: its payloads and a constant for the rest.
size_t EnvelopeBytes(const net::Envelope& envelope);

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_RAFT_CODEC_H_
