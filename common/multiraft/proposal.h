// What callers ask of a group, and what they hear.
#ifndef FLOTILLA_COMMON_MULTIRAFT_PROPOSAL_H_
#define FLOTILLA_COMMON_MULTIRAFT_PROPOSAL_H_

#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/env/clock.h"
#include "common/raft/conf_change.h"
#include "common/raft/types.h"

namespace flotilla::multiraft {

struct Applied {
  raft::EntryId at;     // The entry that carried the command.
  std::string payload;  // CommandResult::payload.
};

// Called exactly once, on a worker's thread; must not block.
//  - OK: durable on a quorum, applied and visible here.
//  - errors::IsUndetermined: appended to a log, but the outcome cannot be known here any more.
//  - anything else: the command did not and will not take effect.
using ProposalCallback = absl::AnyInvocable<void(absl::StatusOr<Applied>) &&>;

struct Proposal {
  // The tenant's command, handed to StateMachine::Apply. The commands of several proposals share an
  // entry (command_frame.h).
  std::string command;
  // The command reads the state before it writes (compare-and-swap): it gets an entry of its own,
  // which ApplyContext::WriteOut and exact replay need.
  bool own_entry = false;
  // Set for a change of membership; `command` is then unused.
  std::optional<raft::ConfChange> conf_change;
  // Refused when the group is not in this term any more.
  std::optional<Term> term;
  // Refused with DeadlineExceeded when not appended by then; undetermined when appended and not
  // applied by then.
  env::Instant deadline = env::Instant::max();
  // The tenant's own view of the command for PeerDelegate::CheckProposal.
  uint64_t epoch_version = 0;
  ProposalCallback callback;  // May be null: nobody waits.
};

// OK: everything that any replica had applied or acknowledged when the read began is applied here.
// Called exactly once, on the raft worker's thread; must not block.
using ReadCallback = absl::AnyInvocable<void(absl::Status) &&>;

struct ReadRequest {
  env::Instant deadline = env::Instant::max();
  uint64_t epoch_version = 0;
  ReadCallback callback;
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_PROPOSAL_H_
