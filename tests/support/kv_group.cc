#include "tests/support/kv_group.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/coding.h"
#include "common/base/log.h"
#include "common/raft/membership.h"

namespace flotilla::testing {
namespace {

using engine::ColumnFamily;

constexpr std::string_view kAppliedPrefix = "applied/";
constexpr std::string_view kConfPrefix = "conf/";

std::string MetaKey(std::string_view prefix, RegionId region) {
  std::string key(prefix);
  PutBigEndian64(key, region.value());
  return key;
}

std::string EncodeApplied(raft::EntryId applied) {
  std::string out;
  PutVarint64(out, applied.term.value());
  PutVarint64(out, applied.index.value());
  return out;
}

uint64_t TakeVarint(std::string_view& in) {
  uint64_t value = 0;
  CHECK(GetVarint64(in, value));
  return value;
}

raft::EntryId DecodeApplied(std::string_view in) {
  const Term term(TakeVarint(in));
  return {term, Index(TakeVarint(in))};
}

void PutPeers(std::string& out, const std::vector<PeerId>& peers) {
  PutVarint64(out, peers.size());
  for (PeerId peer : peers) PutVarint64(out, peer.value());
}

std::vector<PeerId> TakePeers(std::string_view& in) {
  std::vector<PeerId> peers(TakeVarint(in));
  for (PeerId& peer : peers) peer = PeerId(TakeVarint(in));
  return peers;
}

std::string EncodeConf(const raft::ConfState& conf) {
  std::string out;
  PutPeers(out, conf.voters);
  PutPeers(out, conf.voters_outgoing);
  PutPeers(out, conf.learners);
  PutPeers(out, conf.learners_next);
  PutVarint64(out, conf.auto_leave ? 1 : 0);
  return out;
}

raft::ConfState DecodeConf(std::string_view in) {
  raft::ConfState conf;
  conf.voters = TakePeers(in);
  conf.voters_outgoing = TakePeers(in);
  conf.learners = TakePeers(in);
  conf.learners_next = TakePeers(in);
  conf.auto_leave = TakeVarint(in) == 1;
  return conf;
}

KeyRange RangeOf(RegionId region) {
  KeyRange range;
  PutBigEndian64(range.start, region.value());
  PutBigEndian64(range.end, region.value() + 1);
  return range;
}

}  // namespace

std::string KvGroupStorage::DataKey(std::string_view key) const {
  std::string data_key = RangeOf(region_).start;
  data_key += key;
  return data_key;
}

void KvGroupStorage::Put(engine::WriteBatch& batch, std::string_view key,
                         std::string_view value) const {
  batch.Put(ColumnFamily::kDefault, DataKey(key), value);
}

std::optional<std::string> KvGroupStorage::Get(std::string_view key) const {
  auto value = engine_->Get(ColumnFamily::kDefault, DataKey(key));
  CHECK_OK(value.status());
  return *value;
}

void KvGroupStorage::SaveApplied(engine::WriteBatch& batch, raft::EntryId applied) const {
  batch.Put(ColumnFamily::kMeta, MetaKey(kAppliedPrefix, region_), EncodeApplied(applied));
}

void KvGroupStorage::SaveConfState(engine::WriteBatch& batch,
                                   const raft::ConfState& conf_state) const {
  batch.Put(ColumnFamily::kMeta, MetaKey(kConfPrefix, region_), EncodeConf(conf_state));
}

std::optional<KvGroupState> KvGroupStorage::Load() const {
  auto applied = engine_->Get(ColumnFamily::kMeta, MetaKey(kAppliedPrefix, region_));
  CHECK_OK(applied.status());
  if (!applied->has_value()) return std::nullopt;
  auto conf = engine_->Get(ColumnFamily::kMeta, MetaKey(kConfPrefix, region_));
  CHECK_OK(conf.status());
  CHECK(conf->has_value());
  return KvGroupState{DecodeApplied(**applied), DecodeConf(**conf)};
}

Index KvGroupStorage::FlushedApplied() const {
  auto applied = engine_->GetFlushed(ColumnFamily::kMeta, MetaKey(kAppliedPrefix, region_));
  CHECK_OK(applied.status());
  return applied->has_value() ? DecodeApplied(**applied).index : Index();
}

raft::Snapshot KvGroupStorage::MakeSnapshot() const {
  auto view = engine_->NewSnapshot();
  engine::ReadOptions options;
  options.snapshot = view.get();
  options.bounds = RangeOf(region_);
  std::string data;
  {
    auto it = engine_->NewIterator(ColumnFamily::kDefault, options);
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      PutLengthPrefixed(data, it->key());
      PutLengthPrefixed(data, it->value());
    }
    CHECK_OK(it->status());
  }
  options.bounds = {};
  auto applied = engine_->Get(ColumnFamily::kMeta, MetaKey(kAppliedPrefix, region_), options);
  auto conf = engine_->Get(ColumnFamily::kMeta, MetaKey(kConfPrefix, region_), options);
  CHECK_OK(applied.status());
  CHECK_OK(conf.status());
  const raft::EntryId at = DecodeApplied(**applied);
  return {.meta = {.index = at.index, .term = at.term, .conf_state = DecodeConf(**conf)},
          .data = Bytes(std::move(data))};
}

void KvGroupStorage::Install(const raft::Snapshot& snapshot) const {
  auto batch = engine_->NewBatch();
  batch->DeleteRange(ColumnFamily::kDefault, RangeOf(region_));
  std::string_view data = snapshot.data.view();
  std::string_view key;
  std::string_view value;
  while (!data.empty()) {
    CHECK(GetLengthPrefixed(data, key) && GetLengthPrefixed(data, value));
    batch->Put(ColumnFamily::kDefault, key, value);
  }
  SaveApplied(*batch, {snapshot.meta.term, snapshot.meta.index});
  SaveConfState(*batch, snapshot.meta.conf_state);
  CHECK_OK(engine_->Write(*batch));
}

std::vector<RegionId> KvGroupStorage::Regions(const engine::KvEngine& engine) {
  engine::ReadOptions options;
  options.bounds = {std::string(kAppliedPrefix), "applied0"};
  std::vector<RegionId> regions;
  auto it = engine.NewIterator(ColumnFamily::kMeta, options);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    std::string_view key = it->key();
    key.remove_prefix(kAppliedPrefix.size());
    uint64_t region = 0;
    CHECK(GetBigEndian64(key, region));
    regions.push_back(RegionId(region));
  }
  CHECK_OK(it->status());
  return regions;
}

std::string EncodeSnapshot(const raft::Snapshot& snapshot) {
  std::string out = EncodeApplied({snapshot.meta.term, snapshot.meta.index});
  PutLengthPrefixed(out, EncodeConf(snapshot.meta.conf_state));
  PutLengthPrefixed(out, snapshot.data.view());
  return out;
}

raft::Snapshot DecodeSnapshot(std::string_view data) {
  raft::Snapshot snapshot;
  snapshot.meta.term = Term(TakeVarint(data));
  snapshot.meta.index = Index(TakeVarint(data));
  std::string_view conf;
  std::string_view payload;
  CHECK(GetLengthPrefixed(data, conf) && GetLengthPrefixed(data, payload));
  snapshot.meta.conf_state = DecodeConf(conf);
  snapshot.data = Bytes::Copy(payload);
  return snapshot;
}

multiraft::CommandResult KvStateMachine::Apply(multiraft::ApplyContext& context,
                                               std::string_view data) {
  const KvCommand command = DecodeKvCommand(data);
  ordinal_ = context.at().index == last_index_ ? ordinal_ + 1 : 0;
  last_index_ = context.at().index;
  if (history_ != nullptr) {
    history_->OnApply(storage_.region(), context.at(), ordinal_, command);
  }
  std::string value = command.value;
  if (command.kind == KvCommand::Kind::kAppend) {
    context.WriteOut();
    value = storage_.Get(command.key).value_or("") + "," + command.value;
  }
  storage_.Put(context.batch(), command.key, value);
  return {.status = absl::OkStatus(), .payload = value, .effect = nullptr};
}

multiraft::CommandResult KvStateMachine::ApplyConfChange(multiraft::ApplyContext& context,
                                                         const raft::ConfChange& change) {
  context.WriteOut();
  auto changed = raft::ChangeMembership(storage_.Load()->conf_state, change);
  if (!changed.ok()) return {.status = changed.status(), .payload = "", .effect = nullptr};
  storage_.SaveConfState(context.batch(), changed->conf_state);
  return {.status = absl::OkStatus(), .payload = "", .effect = nullptr};
}

void KvStateMachine::PersistApplied(multiraft::ApplyContext& context, raft::EntryId applied) {
  storage_.SaveApplied(context.batch(), applied);
}

multiraft::CommandResult KvStateMachine::InstallSnapshot(const raft::Snapshot& snapshot) {
  storage_.Install(snapshot);
  return {.status = absl::OkStatus(), .payload = "", .effect = nullptr};
}

absl::Status KvDelegate::CheckProposal(const multiraft::Proposal&) { return absl::OkStatus(); }

absl::Status KvDelegate::NotLeader(PeerId leader) const {
  return absl::FailedPreconditionError(fmt::format("not leader; leader is {}", leader));
}

bool KvDelegate::AddressMessage(net::Envelope& envelope) {
  envelope.to_store = StoreOf(envelope.message.to);
  return true;
}

absl::StatusOr<raft::Snapshot> KvDelegate::SnapshotFor(PeerId, Index min_index) {
  raft::Snapshot snapshot = storage_.MakeSnapshot();
  if (snapshot.meta.index < min_index) return absl::UnavailableError("not applied that far");
  return snapshot;
}

std::vector<std::pair<std::string, std::string>> KvDelegate::SnapshotRecords(
    const raft::Snapshot& snapshot) {
  return {{"installing", EncodeSnapshot(snapshot)}};
}

void KvDelegate::OnRoleChange(const raft::SoftState& state, Term term) {
  if (events_.on_role_change) events_.on_role_change(storage_.region(), state, term);
}

void KvDelegate::OnLeaderReady(Term term) {
  if (events_.on_leader_ready) events_.on_leader_ready(storage_.region(), term);
}

}  // namespace flotilla::testing
