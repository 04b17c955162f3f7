// Translates field by field; the exhaustive visit makes a new kind of message a compile error here.

#include "common/rpc/raft_codec.h"

#include <fmt/format.h>
#include <google/protobuf/repeated_field.h>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/checksum.h"
#include "common/base/status_macros.h"
#include "common/raft/membership.h"
#include "flotilla/raft.pb.h"

namespace flotilla::rpc {
namespace {

namespace wire = raft::v1;

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

void EncodeId(const raft::EntryId& id, wire::EntryId* out) {
  out->set_term(id.term.value());
  out->set_index(id.index.value());
}

raft::EntryId DecodeId(const wire::EntryId& in) { return {Term(in.term()), Index(in.index())}; }

void EncodeEntries(const std::vector<raft::Entry>& entries,
                   google::protobuf::RepeatedPtrField<wire::Entry>* out) {
  out->Reserve(static_cast<int>(entries.size()));
  for (const raft::Entry& entry : entries) {
    wire::Entry* to = out->Add();
    to->set_term(entry.term.value());
    to->set_index(entry.index.value());
    to->set_type(static_cast<wire::EntryType>(entry.type));
    const std::string_view data = entry.data.view();
    to->set_data(data.data(), data.size());
  }
}

absl::StatusOr<std::vector<raft::Entry>> DecodeEntries(
    google::protobuf::RepeatedPtrField<wire::Entry>* in) {
  std::vector<raft::Entry> entries;
  entries.reserve(in->size());
  for (wire::Entry& from : *in) {
    if (!wire::EntryType_IsValid(from.type())) {
      return absl::InvalidArgumentError(
          fmt::format("entry {} has the unknown type {}", from.index(), int{from.type()}));
    }
    entries.push_back({Term(from.term()), Index(from.index()),
                       static_cast<raft::EntryType>(from.type()),
                       Bytes(std::move(*from.mutable_data()))});
  }
  return entries;
}

void EncodePeers(const std::vector<PeerId>& peers, google::protobuf::RepeatedField<uint64_t>* out) {
  for (const PeerId peer : peers) out->Add(peer.value());
}

std::vector<PeerId> DecodePeers(const google::protobuf::RepeatedField<uint64_t>& in) {
  std::vector<PeerId> peers;
  peers.reserve(in.size());
  for (const uint64_t peer : in) peers.emplace_back(peer);
  return peers;
}

void EncodeSnapshot(const raft::Snapshot& snapshot, wire::InstallSnapshot* out) {
  out->set_index(snapshot.meta.index.value());
  out->set_term(snapshot.meta.term.value());
  const raft::ConfState& state = snapshot.meta.conf_state;
  EncodePeers(state.voters, out->mutable_conf_state()->mutable_voters());
  EncodePeers(state.voters_outgoing, out->mutable_conf_state()->mutable_voters_outgoing());
  EncodePeers(state.learners, out->mutable_conf_state()->mutable_learners());
  EncodePeers(state.learners_next, out->mutable_conf_state()->mutable_learners_next());
  out->mutable_conf_state()->set_auto_leave(state.auto_leave);
  const std::string_view data = snapshot.data.view();
  out->set_data(data.data(), data.size());
}

raft::Snapshot DecodeSnapshot(wire::InstallSnapshot* in) {
  raft::Snapshot snapshot;
  snapshot.meta.index = Index(in->index());
  snapshot.meta.term = Term(in->term());
  raft::ConfState& state = snapshot.meta.conf_state;
  state.voters = DecodePeers(in->conf_state().voters());
  state.voters_outgoing = DecodePeers(in->conf_state().voters_outgoing());
  state.learners = DecodePeers(in->conf_state().learners());
  state.learners_next = DecodePeers(in->conf_state().learners_next());
  state.auto_leave = in->conf_state().auto_leave();
  snapshot.data = Bytes(std::move(*in->mutable_data()));
  return snapshot;
}

void EncodeBody(const raft::MessageBody& body, wire::Message* out) {
  std::visit(Overloaded{[&](const raft::VoteRequest& m) {
                          auto* to = out->mutable_vote_request();
                          to->set_pre_vote(m.pre_vote);
                          EncodeId(m.last, to->mutable_last());
                          to->set_leadership_transfer(m.leadership_transfer);
                          EncodeId(m.commit, to->mutable_commit());
                        },
                        [&](const raft::VoteResponse& m) {
                          auto* to = out->mutable_vote_response();
                          to->set_pre_vote(m.pre_vote);
                          to->set_rejected(m.rejected);
                          EncodeId(m.commit, to->mutable_commit());
                        },
                        [&](const raft::AppendRequest& m) {
                          auto* to = out->mutable_append_request();
                          EncodeId(m.prev, to->mutable_prev());
                          to->set_commit(m.commit.value());
                          EncodeEntries(m.entries, to->mutable_entries());
                        },
                        [&](const raft::AppendResponse& m) {
                          out->mutable_append_response()->set_index(m.index.value());
                        },
                        [&](const raft::AppendRejection& m) {
                          auto* to = out->mutable_append_rejection();
                          to->set_rejected_index(m.rejected_index.value());
                          EncodeId(m.hint, to->mutable_hint());
                        },
                        [&](const raft::Heartbeat& m) {
                          auto* to = out->mutable_heartbeat();
                          to->set_commit(m.commit.value());
                          to->set_round(m.round);
                        },
                        [&](const raft::HeartbeatResponse& m) {
                          out->mutable_heartbeat_response()->set_round(m.round);
                        },
                        [&](const raft::InstallSnapshot& m) {
                          EncodeSnapshot(m.snapshot, out->mutable_install_snapshot());
                        },
                        [&](const raft::TimeoutNow&) { out->mutable_timeout_now(); },
                        [&](const raft::TransferLeaderRequest& m) {
                          out->mutable_transfer_leader_request()->set_target(m.target.value());
                        },
                        [&](const raft::ForwardedProposal& m) {
                          EncodeEntries(m.entries,
                                        out->mutable_forwarded_proposal()->mutable_entries());
                        },
                        [&](const raft::ReadIndexRequest& m) {
                          out->mutable_read_index_request()->set_read_id(m.read_id.value());
                        },
                        [&](const raft::ReadIndexResponse& m) {
                          out->mutable_read_index_response()->set_read_id(m.read_id.value());
                          out->mutable_read_index_response()->set_index(m.index.value());
                        }},
             body);
}

absl::StatusOr<raft::AppendRequest> DecodeAppend(wire::AppendRequest* in) {
  raft::AppendRequest append;
  append.prev = DecodeId(in->prev());
  append.commit = Index(in->commit());
  ASSIGN_OR_RETURN(append.entries, DecodeEntries(in->mutable_entries()));
  raft::EntryId before = append.prev;
  for (const raft::Entry& entry : append.entries) {
    ++before.index;
    if (entry.index != before.index) {
      return absl::InvalidArgumentError(
          fmt::format("append after index {} has entry {} where {} must be", append.prev.index,
                      entry.index, before.index));
    }
    if (entry.term < before.term) {
      return absl::InvalidArgumentError(fmt::format("entry {} has term {}, after one of term {}",
                                                    entry.index, entry.term, before.term));
    }
    before.term = entry.term;
  }
  return append;
}

absl::StatusOr<raft::MessageBody> DecodeBody(wire::Message* in) {
  switch (in->body_case()) {
    case wire::Message::kVoteRequest: {
      const wire::VoteRequest& m = in->vote_request();
      return raft::VoteRequest{m.pre_vote(), DecodeId(m.last()), m.leadership_transfer(),
                               DecodeId(m.commit())};
    }
    case wire::Message::kVoteResponse: {
      const wire::VoteResponse& m = in->vote_response();
      return raft::VoteResponse{m.pre_vote(), m.rejected(), DecodeId(m.commit())};
    }
    case wire::Message::kAppendRequest:
      return DecodeAppend(in->mutable_append_request());
    case wire::Message::kAppendResponse:
      return raft::AppendResponse{Index(in->append_response().index())};
    case wire::Message::kAppendRejection: {
      const wire::AppendRejection& m = in->append_rejection();
      return raft::AppendRejection{Index(m.rejected_index()), DecodeId(m.hint())};
    }
    case wire::Message::kHeartbeat: {
      const wire::Heartbeat& m = in->heartbeat();
      return raft::Heartbeat{Index(m.commit()), m.round()};
    }
    case wire::Message::kHeartbeatResponse: {
      const wire::HeartbeatResponse& m = in->heartbeat_response();
      return raft::HeartbeatResponse{m.round()};
    }
    case wire::Message::kInstallSnapshot:
      return raft::InstallSnapshot{DecodeSnapshot(in->mutable_install_snapshot())};
    case wire::Message::kTimeoutNow:
      return raft::TimeoutNow{};
    case wire::Message::kTransferLeaderRequest:
      return raft::TransferLeaderRequest{PeerId(in->transfer_leader_request().target())};
    case wire::Message::kForwardedProposal: {
      ASSIGN_OR_RETURN(auto entries,
                       DecodeEntries(in->mutable_forwarded_proposal()->mutable_entries()));
      if (entries.empty()) return absl::InvalidArgumentError("a forwarded proposal of nothing");
      return raft::ForwardedProposal{std::move(entries)};
    }
    case wire::Message::kReadIndexRequest:
      return raft::ReadIndexRequest{raft::ReadId(in->read_index_request().read_id())};
    case wire::Message::kReadIndexResponse: {
      const wire::ReadIndexResponse& m = in->read_index_response();
      return raft::ReadIndexResponse{raft::ReadId(m.read_id()), Index(m.index())};
    }
    case wire::Message::BODY_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("the message has no body, or one of an unknown kind");
}

uint64_t Largest(const raft::EntryId& id) { return std::max(id.term.value(), id.index.value()); }

// The largest term, index or round in a body. Those of entries follow from the end of their append.
uint64_t LargestNumber(const raft::MessageBody& body) {
  return std::visit(
      Overloaded{
          [](const raft::VoteRequest& m) { return std::max(Largest(m.last), Largest(m.commit)); },
          [](const raft::VoteResponse& m) { return Largest(m.commit); },
          [](const raft::AppendRequest& m) {
            const uint64_t end = m.prev.index.value() + m.entries.size();
            return std::max({Largest(m.prev), m.commit.value(), end});
          },
          [](const raft::AppendResponse& m) { return m.index.value(); },
          [](const raft::AppendRejection& m) {
            return std::max(m.rejected_index.value(), Largest(m.hint));
          },
          [](const raft::Heartbeat& m) { return std::max(m.commit.value(), m.round); },
          [](const raft::HeartbeatResponse& m) { return m.round; },
          [](const raft::InstallSnapshot& m) { return m.snapshot.meta.index.value(); },
          [](const raft::ReadIndexResponse& m) { return m.index.value(); },
          [](const auto&) { return uint64_t{0}; }},
      body);
}

// What no peer can have sent, whatever it believes: corrupt, or forged.
absl::Status CheckMessage(const raft::Message& message) {
  if (message.from == message.to) {
    return absl::InvalidArgumentError(fmt::format("peer {} writes to itself", message.from));
  }
  if (std::max(message.term.value(), LargestNumber(message.body)) > kMaxRaftNumber) {
    return absl::InvalidArgumentError(fmt::format(
        "message from peer {} of term {}: a term, index or round is more than {}, which no group "
        "reaches",
        message.from, message.term, kMaxRaftNumber));
  }
  Term newest;
  if (const auto* append = std::get_if<raft::AppendRequest>(&message.body)) {
    newest = append->entries.empty() ? append->prev.term : append->entries.back().term;
  } else if (const auto* install = std::get_if<raft::InstallSnapshot>(&message.body)) {
    newest = install->snapshot.meta.term;
    RETURN_IF_ERROR(raft::ValidateConfState(install->snapshot.meta.conf_state));
  }
  if (newest > message.term) {
    return absl::InvalidArgumentError(
        fmt::format("a leader of term {} sends an entry of term {}", message.term, newest));
  }
  return absl::OkStatus();
}

}  // namespace

void EncodeEnvelope(const net::Envelope& envelope, raft::v1::Envelope* out) {
  out->set_region_id(envelope.region_id.value());
  out->set_conf_ver(envelope.epoch.conf_ver);
  out->set_version(envelope.epoch.version);
  if (!envelope.context.empty()) {
    const std::string_view context = envelope.context.view();
    out->set_context(context.data(), context.size());
  }
  out->set_disk_full(envelope.disk_full);
  wire::Message* message = out->mutable_message();
  message->set_from(envelope.message.from.value());
  message->set_to(envelope.message.to.value());
  message->set_term(envelope.message.term.value());
  EncodeBody(envelope.message.body, message);
}

absl::StatusOr<net::Envelope> DecodeEnvelope(raft::v1::Envelope* in, StoreId from, StoreId to) {
  wire::Message* message = in->mutable_message();
  if (in->region_id() == 0 || message->from() == 0 || message->to() == 0) {
    return absl::InvalidArgumentError(
        fmt::format("envelope for region {} from peer {} to peer {}: none may be 0",
                    in->region_id(), message->from(), message->to()));
  }
  net::Envelope envelope;
  envelope.region_id = RegionId(in->region_id());
  envelope.from_store = from;
  envelope.to_store = to;
  envelope.epoch = {in->conf_ver(), in->version()};
  envelope.context = Bytes(std::move(*in->mutable_context()));
  envelope.disk_full = in->disk_full();
  envelope.message.from = PeerId(message->from());
  envelope.message.to = PeerId(message->to());
  envelope.message.term = Term(message->term());
  ASSIGN_OR_RETURN(envelope.message.body, DecodeBody(message));
  RETURN_IF_ERROR(CheckMessage(envelope.message));
  return envelope;
}

void SealBatch(const raft::v1::EnvelopeBatch& batch, raft::v1::CheckedBatch* out) {
  batch.SerializeToString(out->mutable_batch());
  out->set_checksum(Xxh3(out->batch()));
}

absl::Status OpenBatch(const raft::v1::CheckedBatch& sealed, raft::v1::EnvelopeBatch* out) {
  if (Xxh3(sealed.batch()) != sealed.checksum() || !out->ParseFromString(sealed.batch())) {
    return absl::DataLossError(ToAbsl(fmt::format(
        "a batch of raft messages, {} bytes, was damaged on its way", sealed.batch().size())));
  }
  return absl::OkStatus();
}

size_t EnvelopeBytes(const net::Envelope& envelope) {
  constexpr size_t kFixedBytes = 64;
  constexpr size_t kEntryBytes = 24;
  size_t bytes = kFixedBytes + envelope.context.size();
  const auto add_entries = [&bytes](const std::vector<raft::Entry>& entries) {
    for (const raft::Entry& entry : entries) bytes += kEntryBytes + entry.data.size();
  };
  if (const auto* append = std::get_if<raft::AppendRequest>(&envelope.message.body)) {
    add_entries(append->entries);
  } else if (const auto* forward = std::get_if<raft::ForwardedProposal>(&envelope.message.body)) {
    add_entries(forward->entries);
  } else if (const auto* install = std::get_if<raft::InstallSnapshot>(&envelope.message.body)) {
    bytes += install->snapshot.data.size();
  }
  return bytes;
}

}  // namespace flotilla::rpc
