#include "store/operation/split.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/coding.h"
#include "common/base/log.h"
#include "common/base/planted_bugs.h"
#include "common/base/status_macros.h"
#include "store/kv/command.h"
#include "store/region/region_storage.h"

namespace flotilla::store {
namespace {

// Of one command; the split checker and requests stay below.
constexpr uint64_t kMaxPieces = 1024;

absl::Status Malformed() { return absl::DataLossError("malformed split command"); }

bool TakePiece(std::string_view& in, SplitPiece& piece) {
  std::string_view key;
  uint64_t region_id = 0;
  uint64_t peers = 0;
  if (!GetLengthPrefixed(in, key) || !GetVarint64(in, region_id) || !GetVarint64(in, peers) ||
      peers > in.size()) {
    return false;
  }
  piece.key = std::string(key);
  piece.region_id = RegionId(region_id);
  for (uint64_t i = 0; i < peers; ++i) {
    uint64_t peer = 0;
    if (!GetVarint64(in, peer)) return false;
    piece.peer_ids.push_back(PeerId(peer));
  }
  return true;
}

RegionState StateOf(const Region& region, StoreId store) {
  const metapb::Peer* self = region.FindPeerOn(store);
  CHECK(self != nullptr) << "region " << region.id() << " was split on a store without its peer";
  return {RegionState::Kind::kNormal, PeerId(self->id()), region.meta()};
}

}  // namespace

std::string EncodeSplit(const SplitCommand& command) {
  std::string out;
  PutCommandHeader(out, {CommandKind::kSplit, command.epoch.version});
  PutVarint64(out, command.epoch.conf_ver);
  PutVarint64(out, command.pieces.size());
  for (const SplitPiece& piece : command.pieces) {
    PutLengthPrefixed(out, piece.key);
    PutVarint64(out, piece.region_id.value());
    PutVarint64(out, piece.peer_ids.size());
    for (const PeerId peer : piece.peer_ids) PutVarint64(out, peer.value());
  }
  return out;
}

absl::StatusOr<SplitCommand> DecodeSplit(uint64_t version, std::string_view body) {
  SplitCommand command;
  uint64_t count = 0;
  command.epoch.version = version;
  if (!GetVarint64(body, command.epoch.conf_ver) || !GetVarint64(body, count) || count == 0 ||
      count > kMaxPieces) {
    return Malformed();
  }
  for (uint64_t i = 0; i < count; ++i) {
    SplitPiece piece;
    if (!TakePiece(body, piece)) return Malformed();
    command.pieces.push_back(std::move(piece));
  }
  if (!body.empty()) return Malformed();
  return command;
}

absl::Status CheckSplitKeys(const Region& region, const KeyCodec& codec,
                            const std::vector<std::string>& keys) {
  if (keys.empty()) return absl::InvalidArgumentError("no split key was given");
  if (keys.size() > kMaxPieces) {
    return absl::InvalidArgumentError(
        absl::StrCat(keys.size(), " split keys, the limit is ", kMaxPieces));
  }
  const std::string* previous = &region.meta().start_key();
  for (const std::string& key : keys) {
    RETURN_IF_ERROR(codec.CheckBoundary(key));
    RETURN_IF_ERROR(region.CheckKey(key));
    if (key <= *previous) {
      return absl::InvalidArgumentError(
          "split keys must be in increasing order and lie beyond the region's start");
    }
    previous = &key;
  }
  return absl::OkStatus();
}

absl::Status CheckSplit(const Region& region, const SplitCommand& command) {
  RETURN_IF_ERROR(region.CheckEpoch(command.epoch));
  if (region.InJointState()) {
    return absl::FailedPreconditionError(
        absl::StrCat("region ", region.id().value(), " is changing its members"));
  }
  std::string_view previous = region.range().start;
  for (const SplitPiece& piece : command.pieces) {
    if (piece.key <= previous || !region.range().Contains(piece.key)) {
      return absl::InvalidArgumentError(
          "split keys must be in increasing order and inside the region");
    }
    if (piece.peer_ids.size() != static_cast<size_t>(region.meta().peers_size())) {
      return absl::InvalidArgumentError(
          absl::StrCat("region ", region.id().value(), " has ", region.meta().peers_size(),
                       " peers, the split names ", piece.peer_ids.size()));
    }
    previous = piece.key;
  }
  return absl::OkStatus();
}

SplitOutcome DivideRegion(const Region& region, const SplitCommand& command) {
  const uint64_t version =
      region.version() + (Planted(Bug::kSplitKeepsVersion) ? 0 : command.pieces.size());
  std::vector<Region> children;
  std::string start = region.meta().start_key();
  for (const SplitPiece& piece : command.pieces) {
    metapb::Region child = region.meta();
    child.set_id(piece.region_id.value());
    child.set_start_key(start);
    child.set_end_key(piece.key);
    child.mutable_region_epoch()->set_version(version);
    for (int i = 0; i < child.peers_size() && !Planted(Bug::kChildKeepsPeers); ++i) {
      child.mutable_peers(i)->set_id(piece.peer_ids[static_cast<size_t>(i)].value());
    }
    start = piece.key;
    children.emplace_back(std::move(child));
  }
  metapb::Region parent = region.meta();
  parent.set_start_key(start);
  parent.mutable_region_epoch()->set_version(version);
  return {std::move(children), Region(std::move(parent))};
}

multiraft::CommandResult ApplySplit(multiraft::ApplyContext& context, StoreId store,
                                    const SplitCommand& command, Region& region) {
  multiraft::CommandResult result;
  result.status = CheckSplit(region, command);
  if (!result.status.ok()) return result;

  SplitOutcome outcome = DivideRegion(region, command);
  std::vector<metapb::Region> pieces;
  for (const Region& child : outcome.children) {
    PutRegionState(context.batch(), StateOf(child, store));
    PutApplied(context.batch(), child.id(), kInitialPosition);
    pieces.push_back(child.meta());
  }
  PutRegionState(context.batch(), StateOf(outcome.parent, store));
  pieces.push_back(outcome.parent.meta());
  result.payload = EncodeRegions(pieces);
  region = outcome.parent;
  result.effect = std::make_unique<SplitEffect>(std::move(outcome));
  return result;
}

void OnSplitApplied(const SplitEffect& effect, const RegionView& parent, bool is_leader,
                    PeerServices& services) {
  LOG_INFO("region {} split: {} new regions, version {}", parent.region.id(),
           effect.outcome.children.size(), effect.outcome.parent.version());
  std::vector<RegionViewPtr> views;
  views.push_back(std::make_shared<const RegionView>(
      RegionView{effect.outcome.parent, parent.self, parent.peer}));
  // Until they are measured, the pieces count as equal.
  const uint64_t pieces = effect.outcome.children.size() + 1;
  const uint64_t bytes = parent.peer->approximate_bytes.load() / pieces;
  const uint64_t keys = parent.peer->approximate_keys.load() / pieces;
  parent.peer->approximate_bytes = bytes;
  parent.peer->approximate_keys = keys;
  std::vector<RegionViewPtr> children;
  for (const Region& child : effect.outcome.children) {
    const metapb::Peer* self = child.FindPeerOn(StoreId(parent.self.store_id()));
    CHECK(self != nullptr);
    if (services.IsTombstone(child.id(), PeerId(self->id()))) {
      // The child was removed from here already and this is a replay: what the replay wrote again
      // of it goes away again.
      services.DropReplayedPeer(child);
      continue;
    }
    auto published = std::make_shared<PublishedPeer>();
    published->Publish(child.version());
    published->approximate_bytes = bytes;
    published->approximate_keys = keys;
    children.push_back(
        std::make_shared<const RegionView>(RegionView{child, *self, std::move(published)}));
  }
  views.insert(views.end(), children.begin(), children.end());
  services.index().Put(std::move(views));
  for (const RegionViewPtr& child : children) services.StartChild(child, is_leader);
}

std::string EncodeRegions(const std::vector<metapb::Region>& regions) {
  std::string out;
  for (const metapb::Region& region : regions) PutLengthPrefixed(out, region.SerializeAsString());
  return out;
}

absl::StatusOr<std::vector<metapb::Region>> DecodeRegions(std::string_view data) {
  std::vector<metapb::Region> regions;
  while (!data.empty()) {
    std::string_view encoded;
    metapb::Region region;
    if (!GetLengthPrefixed(data, encoded) ||
        !region.ParseFromArray(encoded.data(), static_cast<int>(encoded.size()))) {
      return absl::DataLossError("malformed list of regions");
    }
    regions.push_back(std::move(region));
  }
  return regions;
}

}  // namespace flotilla::store
