// What a store reads back of its regions, what is inside a command, and what stands beside a Raft
// message. What decodes is encoded and decoded again; commands are also applied to a region.
#include "common/base/check.h"
#include "store/kv/command.h"
#include "store/kv/value_format.h"
#include "store/operation/conf_change.h"
#include "store/operation/split.h"
#include "store/region/install_record.h"
#include "store/region/message_context.h"
#include "store/region/region_storage.h"
#include "store/snapshot/manifest.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/store/kv/direct_region.h"

namespace flotilla::fuzz {
namespace {

// `decode` then `encode` then `decode`: the second one must succeed and give the same encoding.
template <typename Decode, typename Encode>
void RoundTrip(std::string_view data, Decode decode, Encode encode) {
  const auto value = decode(data);
  if (!value.ok()) return;
  const std::string encoded(encode(*value));
  const auto again = decode(encoded);
  CHECK_OK(again.status());
  CHECK(std::string(encode(*again)) == encoded);
}

void ReadRegionRecords(std::string_view data) {
  RoundTrip(data, store::DecodeRegionState, store::EncodeRegionState);
  RoundTrip(data, store::DecodeApplied, store::EncodeApplied);
  RoundTrip(data, store::DecodeInstallRecord, store::EncodeInstallRecord);
  RoundTrip(data, store::DecodeRegions, store::EncodeRegions);
  const auto state = store::DecodeRegionState(data);
  if (state.ok()) store::Region(state->region).conf_state();
}

void ReadSnapshotRecords(std::string_view data) {
  RoundTrip(data, store::DecodeManifest, store::EncodeManifest);
  RoundTrip(data, store::DecodeSnapshotId, store::EncodeSnapshotId);
}

void ReadContext(std::string_view data) {
  RoundTrip(data, store::DecodeContext,
            [](const auto& context) { return std::string(store::EncodeContext(context).view()); });
}

void ReadValues(std::string_view data) {
  const auto value = store::ParseStoredValue(data);
  if (value.ok() && !value->ExpiredAt(1000)) value->TtlSeconds(1000);
  RoundTrip(data, store::DecodeCompareAndSwap,
            [](const auto& command) { return store::EncodeCompareAndSwap(1, command).substr(2); });
  RoundTrip(data, store::DecodeOutcome, store::EncodeOutcome);
  RoundTrip(
      data, [](std::string_view body) { return store::DecodeSplit(3, body); },
      [](const auto& split) { return store::EncodeSplit(split).substr(2); });
  RoundTrip(data, store::DecodeComputeHash,
            [](const auto& command) { return store::EncodeComputeHash(1, command).substr(2); });
}

// A committed command that does not decode stops the store on purpose: skipping it would make
// replicas differ.
bool Decodes(std::string_view command) {
  const auto header = store::TakeCommandHeader(command);
  if (!header.ok()) return false;
  if (header->kind == store::CommandKind::kCompareAndSwap) {
    return store::DecodeCompareAndSwap(command).ok();
  }
  if (header->kind == store::CommandKind::kComputeHash) {
    return store::DecodeComputeHash(command).ok();
  }
  if (header->kind == store::CommandKind::kSplit) {
    return store::DecodeSplit(header->version, command).ok();
  }
  while (!command.empty()) {
    if (!store::TakeWriteOperation(command).ok()) return false;
  }
  return true;
}

void ApplyCommand(std::string_view data) {
  if (!Decodes(data)) return;
  store::DirectRegion region(store::ApiVersion::kV1);
  store::DirectContext context(&region.engine);
  region.machine->Apply(context, data).status.IgnoreError();
}

void ApplyConfChange(std::string_view data) {
  store::DirectRegion region(store::ApiVersion::kV1);
  store::DirectContext context(&region.engine);
  const auto change = raft::DecodeConfChange(data);
  if (change.ok()) region.machine->ApplyConfChange(context, *change).status.IgnoreError();
}

class StoreRecordTarget final : public FuzzTarget {
 public:
  void Run(std::string_view input) override {
    FuzzInput in(input);
    switch (in.Below(6)) {
      case 0:
        return ReadRegionRecords(in.Rest());
      case 1:
        return ReadSnapshotRecords(in.Rest());
      case 2:
        return ReadContext(in.Rest());
      case 3:
        return ReadValues(in.Rest());
      case 4:
        return ApplyCommand(in.Rest());
      default:
        return ApplyConfChange(in.Rest());
    }
  }

  std::vector<std::string> Seeds() const override {
    const store::DirectRegion region(store::ApiVersion::kV1);
    const metapb::Region& meta = region.view().region.meta();
    const raft::EntryId at{Term(6), Index(7)};
    std::vector<std::string> seeds = CommandSeeds();
    const auto add = [&seeds](char kind, std::string_view data) {
      seeds.push_back(std::string(1, kind).append(data));
    };
    add(0, store::EncodeRegionState(
               {store::RegionState::Kind::kTombstone, PeerId(52), meta, {Term(6), Index(7)}}));
    add(0, store::EncodeApplied(at));
    add(0, store::EncodeInstallRecord({PeerId(52), {{at.index, at.term, {}}, Bytes("name")}}));
    add(0, store::EncodeRegions({meta, meta}));
    add(1, store::EncodeManifest({{RegionId(5), at}, {"b", "y"}, "state", {{}, {}}}));
    add(1, store::EncodeSnapshotId({RegionId(5), at}));
    add(2, store::EncodeContext(store::RangeHint{{"b", "y"}}).view());
    add(2, store::EncodeContext(store::RemovedNotice{meta, PeerId(52)}).view());
    add(2, store::EncodeContext(store::MembershipQuestion{}).view());
    add(2, store::EncodeContext(store::HashReport{77, Index(7), true, 99, 3}).view());
    metapb::Peer learner;
    learner.set_id(60);
    learner.set_store_id(6);
    learner.set_role(metapb::Learner);
    const raft::ConfChange change =
        store::MakeConfChange({1, 3}, {{raft::ConfChangeStep::Type::kAddLearner, learner}});
    add(5, raft::EncodeConfChange(change).view());
    return seeds;
  }

 private:
  static std::vector<std::string> CommandSeeds() {
    const store::KeyCodec codec(store::ApiVersion::kV1);
    store::WriteCommand write(3, 0);
    write.Put(codec, "k", "value", 99);
    write.Delete(codec, "l");
    write.DeleteRange({"m", "n"});
    std::string value;
    store::AppendStoredValue("value", 99, value);
    const std::string swap = store::EncodeCompareAndSwap(
        3, {.key = "k", .expected = "a", .replacement = value, .now_ms = 5});
    const std::string split = store::EncodeSplit({{1, 3}, {{"m", RegionId(9), {PeerId(91)}}}});
    return {"\4" + std::move(write).Take(), "\4" + swap,           "\4" + split, "\3" + value,
            "\3" + swap.substr(2),          "\3" + split.substr(2)};
  }
};

}  // namespace

std::unique_ptr<FuzzTarget> MakeStoreRecordTarget() {
  return std::make_unique<StoreRecordTarget>();
}

}  // namespace flotilla::fuzz
