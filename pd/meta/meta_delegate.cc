#include "pd/meta/meta_delegate.h"

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/coding.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "pd/meta/meta_state_machine.h"

namespace flotilla::pd {

std::string EncodeInstalling(const raft::Snapshot& snapshot) {
  std::string record;
  PutLengthPrefixed(
      record, EncodeApplied({snapshot.meta.term, snapshot.meta.index}, snapshot.meta.conf_state));
  PutLengthPrefixed(record, snapshot.data.view());
  return record;
}

absl::StatusOr<raft::Snapshot> DecodeInstalling(std::string_view record) {
  std::string_view position;
  std::string_view data;
  meta::v1::AppliedState applied;
  if (!GetLengthPrefixed(record, position) || !GetLengthPrefixed(record, data) ||
      !applied.ParseFromArray(position.data(), static_cast<int>(position.size()))) {
    return absl::DataLossError("the record of a snapshot that is being installed cannot be read");
  }
  raft::Snapshot snapshot;
  snapshot.meta.index = Index(applied.index());
  snapshot.meta.term = Term(applied.term());
  for (const uint64_t voter : applied.voters()) {
    snapshot.meta.conf_state.voters.emplace_back(voter);
  }
  snapshot.data = Bytes::Copy(data);
  return snapshot;
}

absl::Status MetaDelegate::CheckProposal(const multiraft::Proposal&) { return absl::OkStatus(); }

absl::Status MetaDelegate::NotLeader(PeerId) const { return NotLeaderStatus(); }

bool MetaDelegate::AcceptMessage(const net::Envelope& envelope) {
  // Only members speak in this group, each for itself.
  return members_->Find(envelope.message.from) != nullptr &&
         envelope.from_store.value() == envelope.message.from.value() &&
         envelope.message.to == members_->self().id;
}

bool MetaDelegate::AddressMessage(net::Envelope& envelope) {
  if (members_->Find(envelope.message.to) == nullptr) return false;
  envelope.to_store = StoreId(envelope.message.to.value());
  return true;
}

absl::StatusOr<raft::Snapshot> MetaDelegate::SnapshotFor(PeerId, Index min_index) {
  ASSIGN_OR_RETURN(raft::Snapshot snapshot,
                   MakeMetaSnapshot(*engine_, handle_->node().conf_state()));
  if (snapshot.meta.index < min_index) {
    return absl::UnavailableError(absl::StrCat("applied up to ", snapshot.meta.index.value(),
                                               ", asked for ", min_index.value()));
  }
  LOG_INFO("sends its state as of index {}: {} bytes", snapshot.meta.index, snapshot.data.size());
  return snapshot;
}

// The state is small: it travels in the message.
bool MetaDelegate::SendSnapshot(net::Envelope&) { return false; }

absl::Status MetaDelegate::CheckSnapshot(const raft::Snapshot& snapshot) {
  meta::v1::Snapshot dump;
  const std::string_view data = snapshot.data.view();
  if (dump.ParseFromArray(data.data(), static_cast<int>(data.size()))) return absl::OkStatus();
  return absl::DataLossError("metadata snapshot cannot be parsed");
}

std::vector<std::pair<std::string, std::string>> MetaDelegate::SnapshotRecords(
    const raft::Snapshot& snapshot) {
  return {{std::string(kInstallingRecord), EncodeInstalling(snapshot)}};
}

Index MetaDelegate::FlushedApplied() const {
  const auto flushed = MetaReader(engine_).FlushedApplied();
  CHECK_OK(flushed.status());
  return flushed->has_value() ? Index((*flushed)->index()) : Index();
}

void MetaDelegate::OnRoleChange(const raft::SoftState& state, Term term) {
  leadership_->OnLeaderChange(state.leader);
  if (state.role == raft::Role::kLeader && term == ready_term_) return;
  ready_term_ = Term();
  leadership_->OnStepDown();
}

void MetaDelegate::OnLeaderReady(Term term) {
  ready_term_ = term;
  leadership_->OnLeaderReady(term);
}

void MetaDelegate::OnApplied(std::unique_ptr<multiraft::AppliedEffect>) {}

void MetaDelegate::OnConfChanged(const raft::ConfState&) {}

void MetaDelegate::OnStop() {
  leadership_->OnLeaderChange(PeerId());
  leadership_->OnStepDown();
}

}  // namespace flotilla::pd
