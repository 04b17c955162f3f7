// What Raft peers say to each other: one typed struct a kind, so that no field has two meanings.
#ifndef FLOTILLA_COMMON_RAFT_MESSAGE_H_
#define FLOTILLA_COMMON_RAFT_MESSAGE_H_

#include <variant>
#include <vector>

#include "common/raft/types.h"

namespace flotilla::raft {

// RequestVote (thesis 3.4) and its dry run (pre-vote, thesis 9.6). Request and answer also tell
// what their sender knows to be committed ({0, 0}: not told): see Config::commit_by_vote.
struct VoteRequest {
  bool pre_vote = false;
  EntryId last;  // The candidate's last log position.
  // The leader itself asked for this election (transfer, thesis 3.10): leases do not hold it off.
  bool leadership_transfer = false;
  EntryId commit;
  bool operator==(const VoteRequest&) const = default;
};
struct VoteResponse {
  bool pre_vote = false;
  bool rejected = false;
  EntryId commit;
  bool operator==(const VoteResponse&) const = default;
};

// AppendEntries (thesis 3.5).
struct AppendRequest {
  EntryId prev;
  Index commit;
  std::vector<Entry> entries;
  bool operator==(const AppendRequest&) const = default;
};
// Everything up to `index` is durable on the sender and equal to the leader's log.
struct AppendResponse {
  Index index;
  bool operator==(const AppendResponse&) const = default;
};
// The log does not hold the request's `prev`. `hint` is the largest position at which the logs may
// agree; a hint of term 0 means "unknown term".
struct AppendRejection {
  Index rejected_index;  // prev.index of the refused request.
  EntryId hint;
  bool operator==(const AppendRejection&) const = default;
};

// Heartbeats are numbered by term. An answered round proves that the sender still led when it was
// broadcast: reads (thesis 6.4) and leases (6.4.1) both wait for one.
struct Heartbeat {
  Index commit;        // Never beyond what the receiver is known to hold.
  uint64_t round = 0;  // Number of the broadcast (RawNode::HeartbeatRound).
  bool operator==(const Heartbeat&) const = default;
};
struct HeartbeatResponse {
  uint64_t round = 0;
  bool operator==(const HeartbeatResponse&) const = default;
};

struct InstallSnapshot {
  Snapshot snapshot;
  bool operator==(const InstallSnapshot&) const = default;
};

// "Start an election now" from the leader to the target of a transfer (thesis 3.10).
struct TimeoutNow {
  bool operator==(const TimeoutNow&) const = default;
};
// A follower passes on to its leader the wish that leadership move to `target`.
struct TransferLeaderRequest {
  PeerId target;
  bool operator==(const TransferLeaderRequest&) const = default;
};

// A follower passes proposals on to its leader (only where Config::forward_proposals).
struct ForwardedProposal {
  std::vector<Entry> entries;
  bool operator==(const ForwardedProposal&) const = default;
};

// A follower asks the leader for an index at which a read is linearizable (thesis 6.4).
struct ReadIndexRequest {
  ReadId read_id;
  bool operator==(const ReadIndexRequest&) const = default;
};
struct ReadIndexResponse {
  ReadId read_id;
  Index index;
  bool operator==(const ReadIndexResponse&) const = default;
};

using MessageBody =
    std::variant<VoteRequest, VoteResponse, AppendRequest, AppendResponse, AppendRejection,
                 Heartbeat, HeartbeatResponse, InstallSnapshot, TimeoutNow, TransferLeaderRequest,
                 ForwardedProposal, ReadIndexRequest, ReadIndexResponse>;

struct Message {
  PeerId from;
  PeerId to;
  // The sender's term; for pre-vote requests and granted pre-vote responses the term that the
  // candidate would campaign in. 0 on ForwardedProposal and ReadIndexRequest, which belong to no
  // term: whoever leads may answer them.
  Term term;
  MessageBody body;

  bool operator==(const Message&) const = default;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_MESSAGE_H_
