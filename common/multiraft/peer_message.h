// The closed list of what can happen to a peer: what a raft worker finds in its inbox.
#ifndef FLOTILLA_COMMON_MULTIRAFT_PEER_MESSAGE_H_
#define FLOTILLA_COMMON_MULTIRAFT_PEER_MESSAGE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/multiraft/apply_task.h"
#include "common/multiraft/host.h"
#include "common/multiraft/peer_delegate.h"
#include "common/multiraft/proposal.h"
#include "common/net/envelope.h"
#include "common/raft/ready.h"

namespace flotilla::multiraft {

using DurableCallback = absl::AnyInvocable<void() &&>;
using LogRecords = std::vector<std::pair<std::string, std::string>>;

// --- Requests: refused with Tenant::Busy when too many wait --------------------------------------

// A caller's command or change of membership.
struct ProposeRequest {
  RegionId region_id;
  Proposal proposal;
  env::Instant came = {};
};
// A caller's linearizable read.
struct IndexRead {
  RegionId region_id;
  ReadRequest read;
};

// --- From the network: dropped when too many wait ------------------------------------------------

// A Raft message of another store.
struct Received {
  net::Envelope envelope;
};

// --- Control: rare, always taken -----------------------------------------------------------------

// A group starts on this worker.
struct StartGroup {
  std::unique_ptr<GroupSpec> spec;
};
// A group leaves.
struct StopGroup {
  RegionId region_id;
  bool clear_log = false;
  LogRecords records;
  DurableCallback done;
};
// An operator or the scheduler of regions wants another leader.
struct TransferRequest {
  RegionId region_id;
  PeerId target;
  absl::AnyInvocable<void(absl::Status) &&> done;
};
// The tenant wants this peer to lead.
struct CampaignRequest {
  RegionId region_id;
};
// The tenant wants the log cut up to `index`.
struct TruncateRequest {
  RegionId region_id;
  Index index;
};
// The log engine is about to write tables: from `not_before` on, when followers need not keep what
// is to be written, every group forgets what it can. `done` is called when that is durable.
struct TruncateAll {
  env::Instant not_before;
  DurableCallback done;
};
// The snapshot that was sent to `to` arrived or failed.
struct SnapshotReport {
  RegionId region_id;
  PeerId to;
  bool succeeded = false;
};
// Messages to that store were probably lost: concerns all groups of the worker.
struct UnreachableReport {
  StoreId store_id;
};
// Somebody wants to look at the group.
struct InspectRequest {
  RegionId region_id;
  absl::AnyInvocable<void(absl::StatusOr<GroupStatus>) &&> done;
};
// The tenant has work for the group's worker.
struct PeerWork {
  RegionId region_id;
  absl::AnyInvocable<void(PeerDelegate&, PeerHandle&) &&> work;
};
// A unit of Raft time went by: concerns all groups of the worker.
struct TickAll {};

// --- Completions: bounded by what is under way, always taken -------------------------------------

// An append of one group is durable.
struct PersistedAppend {
  RegionId region_id;
  Incarnation incarnation;
  raft::PersistToken token;
  // The snapshot of the append, to be installed now.
  std::optional<raft::Snapshot> snapshot;
  // What the append promised the node itself.
  std::vector<raft::Message> to_self;
};
// From the log writer: the appends of one round are durable.
struct Persisted {
  std::vector<PersistedAppend> appends;
};
// From an apply worker: what its last batch applied.
struct AppliedGroups {
  std::vector<GroupApplied> groups;
};
// From an apply worker: the group's state machine is gone, and nothing of it is under way.
struct GroupStopped {
  RegionId region_id;
};

using PeerMessage =
    std::variant<ProposeRequest, IndexRead, Received, StartGroup, StopGroup, TransferRequest,
                 CampaignRequest, TruncateRequest, TruncateAll, SnapshotReport, UnreachableReport,
                 InspectRequest, PeerWork, TickAll, Persisted, AppliedGroups, GroupStopped>;

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_PEER_MESSAGE_H_
