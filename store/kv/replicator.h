// What request handlers need of the groups: to propose to one, and to read from one. The host
// implements it in production, fakes do in tests.
//
// Thread-safe; never blocks.
#ifndef FLOTILLA_STORE_KV_REPLICATOR_H_
#define FLOTILLA_STORE_KV_REPLICATOR_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/env/clock.h"
#include "common/multiraft/proposal.h"
#include "store/region/region_index.h"

namespace flotilla::store {

class Replicator {
 public:
  virtual ~Replicator() = default;
  virtual void Propose(RegionId region_id, multiraft::Proposal proposal) = 0;
  // What a proposal of so many bytes would be refused with now, so that none is made in vain; its
  // client waits no longer than `allowed`.
  virtual absl::Status CheckRoom(uint64_t /*bytes*/, env::Duration /*allowed*/) const {
    return absl::OkStatus();
  }
  // A linearizable read: see multiraft::Host::Read.
  virtual void Read(RegionId region_id, multiraft::ReadRequest request) = 0;
};

// Where work that may take milliseconds is done: long scans must not hold up the thread that serves
// everybody's requests.
class ReadExecutor {
 public:
  using Work = absl::AnyInvocable<void(absl::Status) &&>;

  virtual ~ReadExecutor() = default;
  // Calls `work` exactly once: later, with OK, or with DeadlineExceeded when its turn came after
  // `deadline`; or at once, with ServerIsBusy, when too much waits.
  virtual void Run(env::Instant deadline, Work work) = 0;
};

using SplitCallback = absl::AnyInvocable<void(absl::StatusOr<std::vector<metapb::Region>>) &&>;

// Splits a region at engine keys; called back with the resulting regions once the split is applied
// here.
class RegionSplitter {
 public:
  virtual ~RegionSplitter() = default;
  virtual void Split(RegionViewPtr view, std::vector<std::string> keys, SplitCallback done) = 0;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_KV_REPLICATOR_H_
