#include "pd/meta/raft_meta_store.h"

#include <utility>

#include "common/errors/region_error.h"
#include "pd/meta/leadership.h"
#include "tikv/errorpb.pb.h"

namespace flotilla::pd {
namespace {

// The host says so of a proposal for a term that is over.
bool IsStale(const absl::Status& status) {
  errorpb::Error error;
  return errors::ToRegionError(status, &error) && error.has_stale_command();
}

}  // namespace

void RaftMetaStore::Propose(Term term, meta::v1::Command command, Callback callback) {
  command.set_now_ms(clock_->WallMillis());
  multiraft::Proposal proposal;
  proposal.command = command.SerializeAsString();
  proposal.term = term;
  proposal.deadline = clock_->Now() + kPatience;
  // Commands read the state that they change.
  proposal.own_entry = true;
  proposal.callback =
      [callback = std::move(callback)](absl::StatusOr<multiraft::Applied> applied) mutable {
        if (!applied.ok()) {
          std::move(callback)(IsStale(applied.status()) ? NotLeaderStatus() : applied.status());
          return;
        }
        meta::v1::Result result;
        if (result.ParseFromString(applied->payload)) {
          std::move(callback)(std::move(result));
        } else {
          std::move(callback)(absl::DataLossError("the result of a command cannot be parsed"));
        }
      };
  host_->Propose(kMetaGroup, std::move(proposal));
}

void RaftMetaStore::Read(ReadCallback callback) {
  multiraft::ReadRequest request;
  request.deadline = clock_->Now() + kPatience;
  request.callback = std::move(callback);
  host_->Read(kMetaGroup, std::move(request));
}

}  // namespace flotilla::pd
