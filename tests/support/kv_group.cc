#include "tests/support/kv_group.h"

#include <set>
#include <utility>

#include "common/base/check.h"
#include "common/base/checksum.h"
#include "common/base/coding.h"
#include "common/base/log.h"
#include "common/errors/region_error.h"
#include "common/raft/membership.h"

namespace flotilla::testing {
namespace {

using engine::ColumnFamily;

constexpr std::string_view kAppliedPrefix = "applied/";
constexpr std::string_view kConfPrefix = "conf/";
constexpr std::string_view kSelfPrefix = "self/";

std::string MetaKey(std::string_view prefix, RegionId region) {
  std::string key(prefix);
  PutBigEndian64(key, region.value());
  return key;
}

void PutPosition(std::string& out, raft::EntryId at) {
  PutVarint64(out, at.term.value());
  PutVarint64(out, at.index.value());
}

uint64_t TakeVarint(std::string_view& in) {
  uint64_t value = 0;
  CHECK(GetVarint64(in, value));
  return value;
}

raft::EntryId TakePosition(std::string_view& in) {
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

// Two peers on a store could not tell whose the data are.
bool HasOnePeerAStore(const raft::ConfState& conf) {
  std::set<PeerId> peers(conf.voters.begin(), conf.voters.end());
  peers.insert(conf.voters_outgoing.begin(), conf.voters_outgoing.end());
  peers.insert(conf.learners.begin(), conf.learners.end());
  std::set<StoreId> stores;
  for (const PeerId peer : peers) stores.insert(StoreOf(peer));
  return stores.size() == peers.size();
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

std::map<std::string, std::string> KvGroupStorage::Rows() const {
  engine::ReadOptions options;
  options.bounds = RangeOf(region_);
  std::map<std::string, std::string> rows;
  auto it = engine_->NewIterator(ColumnFamily::kDefault, options);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    rows.emplace(it->key().substr(options.bounds.start.size()), it->value());
  }
  CHECK_OK(it->status());
  return rows;
}

void KvGroupStorage::SaveSelf(engine::WriteBatch& batch, PeerId self) const {
  std::string value;
  PutVarint64(value, self.value());
  batch.Put(ColumnFamily::kMeta, MetaKey(kSelfPrefix, region_), value);
}

void KvGroupStorage::SaveApplied(engine::WriteBatch& batch, raft::EntryId applied,
                                 uint64_t digest) const {
  std::string value;
  PutPosition(value, applied);
  PutVarint64(value, digest);
  batch.Put(ColumnFamily::kMeta, MetaKey(kAppliedPrefix, region_), value);
}

void KvGroupStorage::SaveConfState(engine::WriteBatch& batch, const raft::ConfState& conf_state,
                                   raft::EntryId changed_at) const {
  std::string value;
  PutPosition(value, changed_at);
  value += EncodeConf(conf_state);
  batch.Put(ColumnFamily::kMeta, MetaKey(kConfPrefix, region_), value);
}

std::optional<KvGroupState> KvGroupStorage::LoadFrom(const engine::ReadOptions& options) const {
  const auto get = [&](std::string_view prefix) {
    auto value = engine_->Get(ColumnFamily::kMeta, MetaKey(prefix, region_), options);
    CHECK_OK(value.status());
    return *std::move(value);
  };
  const std::optional<std::string> applied = get(kAppliedPrefix);
  if (!applied) return std::nullopt;
  KvGroupState state;
  std::string_view in = *applied;
  state.applied = TakePosition(in);
  state.digest = TakeVarint(in);
  const std::string conf = get(kConfPrefix).value();
  in = conf;
  state.changed_at = TakePosition(in);
  state.conf_state = DecodeConf(in);
  const std::string self = get(kSelfPrefix).value();
  in = self;
  state.self = PeerId(TakeVarint(in));
  return state;
}

Index KvGroupStorage::FlushedApplied(PeerId self) const {
  const auto applied = engine_->GetFlushed(ColumnFamily::kMeta, MetaKey(kAppliedPrefix, region_));
  const auto peer = engine_->GetFlushed(ColumnFamily::kMeta, MetaKey(kSelfPrefix, region_));
  CHECK_OK(applied.status());
  CHECK_OK(peer.status());
  if (!applied->has_value()) return Index();
  std::string_view in = **peer;
  if (PeerId(TakeVarint(in)) != self) return Index();
  in = **applied;
  return TakePosition(in).index;
}

raft::Snapshot KvGroupStorage::MakeSnapshot() const {
  auto view = engine_->NewSnapshot();
  engine::ReadOptions options;
  options.snapshot = view.get();
  const std::optional<KvGroupState> state = LoadFrom(options);
  CHECK(state.has_value()) << "region " << region_;
  std::string data;
  PutVarint64(data, state->digest);
  options.bounds = RangeOf(region_);
  {
    auto it = engine_->NewIterator(ColumnFamily::kDefault, options);
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      PutLengthPrefixed(data, it->key());
      PutLengthPrefixed(data, it->value());
    }
    CHECK_OK(it->status());
  }
  return {.meta = {.index = state->applied.index,
                   .term = state->applied.term,
                   .conf_state = state->conf_state},
          .data = Bytes(std::move(data))};
}

void KvGroupStorage::Install(const KvInstallation& installation) const {
  const raft::SnapshotMeta& meta = installation.snapshot.meta;
  auto batch = engine_->NewBatch();
  batch->DeleteRange(ColumnFamily::kDefault, RangeOf(region_));
  std::string_view data = installation.snapshot.data.view();
  const uint64_t digest = TakeVarint(data);
  std::string_view key;
  std::string_view value;
  while (!data.empty()) {
    CHECK(GetLengthPrefixed(data, key) && GetLengthPrefixed(data, value));
    batch->Put(ColumnFamily::kDefault, key, value);
  }
  SaveSelf(*batch, installation.self);
  SaveApplied(*batch, {meta.term, meta.index}, digest);
  SaveConfState(*batch, meta.conf_state, {});
  CHECK_OK(engine_->Write(*batch));
}

void KvGroupStorage::Clear() const {
  auto batch = engine_->NewBatch();
  batch->DeleteRange(ColumnFamily::kDefault, RangeOf(region_));
  for (const std::string_view prefix : {kSelfPrefix, kAppliedPrefix, kConfPrefix}) {
    batch->Delete(ColumnFamily::kMeta, MetaKey(prefix, region_));
  }
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

std::string EncodeInstallation(const KvInstallation& installation) {
  const raft::SnapshotMeta& meta = installation.snapshot.meta;
  std::string out;
  PutVarint64(out, installation.self.value());
  PutPosition(out, {meta.term, meta.index});
  PutLengthPrefixed(out, EncodeConf(meta.conf_state));
  PutLengthPrefixed(out, installation.snapshot.data.view());
  return out;
}

KvInstallation DecodeInstallation(std::string_view data) {
  KvInstallation installation;
  installation.self = PeerId(TakeVarint(data));
  raft::SnapshotMeta& meta = installation.snapshot.meta;
  const raft::EntryId at = TakePosition(data);
  meta.term = at.term;
  meta.index = at.index;
  std::string_view conf;
  std::string_view payload;
  CHECK(GetLengthPrefixed(data, conf) && GetLengthPrefixed(data, payload));
  meta.conf_state = DecodeConf(conf);
  installation.snapshot.data = Bytes::Copy(payload);
  return installation;
}

std::string EncodeTombstone(const KvTombstone& tombstone) {
  std::string out;
  PutVarint64(out, tombstone.peer.value());
  PutPosition(out, tombstone.removed_at);
  return out;
}

KvTombstone DecodeTombstone(std::string_view data) {
  const PeerId peer(TakeVarint(data));
  return {peer, TakePosition(data)};
}

KvStateMachine::KvStateMachine(KvGroupStorage storage, PeerId self, KvHistory* history)
    : storage_(storage), self_(self), history_(history) {
  const auto state = storage_.Load();
  if (state) digest_ = state->digest;
}

// What was applied before is written out, with its digest, before the command's own counts.
multiraft::CommandResult KvStateMachine::Apply(multiraft::ApplyContext& context,
                                               std::string_view data) {
  // The others apply it, which this replica cannot tell the outcome of any more.
  if (removed_)
    return {.status = errors::Undetermined("removed"), .payload = "", .effect = nullptr};
  const KvCommand command = DecodeKvCommand(data);
  const raft::EntryId at = context.at();
  ordinal_ = at.index == last_index_ ? ordinal_ + 1 : 0;
  last_index_ = at.index;
  const uint64_t digest = Xxh3(data, digest_ + at.index.value());
  if (history_ != nullptr) history_->OnApply(storage_.region(), at, ordinal_, command, digest);
  std::string value = command.value;
  if (command.kind == KvCommand::Kind::kAppend) {
    context.WriteOut();
    value = storage_.Get(command.key).value_or("") + "," + command.value;
  }
  digest_ = digest;
  storage_.Put(context.batch(), command.key, value);
  return {.status = absl::OkStatus(), .payload = value, .effect = nullptr};
}

multiraft::CommandResult KvStateMachine::ApplyConfChange(multiraft::ApplyContext& context,
                                                         const raft::ConfChange& change) {
  multiraft::CommandResult result;
  if (removed_) {
    result.status = errors::Undetermined("removed");
    return result;
  }
  context.WriteOut();
  const raft::EntryId at = context.at();
  const raft::ConfState before = storage_.Load()->conf_state;
  auto changed = raft::ChangeMembership(before, change);
  if (!changed.ok()) {
    result.status = changed.status();
    return result;
  }
  const raft::ConfState& after = changed->conf_state;
  if (!HasOnePeerAStore(after)) {
    result.status = absl::FailedPreconditionError("two peers on a store");
    return result;
  }
  storage_.SaveConfState(context.batch(), after, at);
  digest_ = Xxh3(EncodeConf(after), digest_ + at.index.value());
  if (history_ != nullptr) history_->members().OnChanged(storage_.region(), at, after);
  removed_ = raft::IsMember(before, self_) && !raft::IsMember(after, self_);
  if (removed_) {
    storage_.SaveApplied(context.batch(), at, digest_);
    result.effect = std::make_unique<KvSelfRemoved>(at);
  }
  return result;
}

void KvStateMachine::PersistApplied(multiraft::ApplyContext& context, raft::EntryId applied) {
  if (!removed_) storage_.SaveApplied(context.batch(), applied, digest_);
}

multiraft::CommandResult KvStateMachine::InstallSnapshot(const raft::Snapshot& snapshot) {
  storage_.Install({self_, snapshot});
  const KvGroupState state = *storage_.Load();
  digest_ = state.digest;
  if (history_ != nullptr) {
    history_->CheckReplica(storage_.region(), StoreOf(self_), state.applied.index, storage_.Rows(),
                           state.conf_state);
  }
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

bool KvDelegate::AcceptMessage(const net::Envelope& envelope) {
  if (envelope.message.to > self_ && events_.on_gone) events_.on_gone(storage_.region(), {});
  return envelope.message.to == self_;
}

absl::Status KvDelegate::CheckSnapshot(const raft::Snapshot& snapshot) {
  if (raft::IsMember(snapshot.meta.conf_state, self_)) return absl::OkStatus();
  return absl::FailedPreconditionError("a snapshot of a group without this peer");
}

std::vector<std::pair<std::string, std::string>> KvDelegate::SnapshotRecords(
    const raft::Snapshot& snapshot) {
  return {{std::string(kKvInstalling), EncodeInstallation({self_, snapshot})},
          {std::string(kKvTombstone), ""}};
}

void KvDelegate::OnApplied(std::unique_ptr<multiraft::AppliedEffect> effect) {
  // There is one kind of effect: the peer's removal.
  const auto& removed = static_cast<const KvSelfRemoved&>(*effect);
  if (events_.on_gone) events_.on_gone(storage_.region(), removed.at);
}

void KvDelegate::OnRoleChange(const raft::SoftState& state, Term term) {
  if (events_.on_role_change) events_.on_role_change(storage_.region(), state, term);
}

void KvDelegate::OnLeaderReady(Term term) {
  if (events_.on_leader_ready) events_.on_leader_ready(storage_.region(), term);
}

}  // namespace flotilla::testing
