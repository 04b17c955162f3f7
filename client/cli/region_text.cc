#include "client/cli/region_text.h"

#include <spdlog/fmt/fmt.h>

#include "client/cli/byte_text.h"

namespace flotilla::cli {
namespace {

constexpr size_t kMaxBoundaryText = 40;

bool HasPeer(const google::protobuf::RepeatedPtrField<metapb::Peer>& peers, uint64_t id) {
  for (const metapb::Peer& peer : peers) {
    if (peer.id() == id) return true;
  }
  return false;
}

bool IsDown(const pdpb::Region& region, uint64_t peer_id) {
  for (const pdpb::PeerStats& stats : region.down_peers()) {
    if (stats.peer().id() == peer_id) return true;
  }
  return false;
}

bool Differs(const RegionChecks& checks, uint64_t region_id, uint64_t peer_id) {
  const auto it = checks.find(region_id);
  return it != checks.end() && HasPeer(it->second.differing(), peer_id);
}

std::string_view CheckText(repair::v1::Comparison::Agreement agreement) {
  switch (agreement) {
    case repair::v1::Comparison::EQUAL:
      return "equal";
    case repair::v1::Comparison::DIFFERS:
      return "differs";
    default:
      return "incomplete";
  }
}

std::string PeersText(const pdpb::Region& region, const RegionChecks& checks) {
  std::string text;
  for (const metapb::Peer& peer : region.region().peers()) {
    if (!text.empty()) text += ' ';
    text += std::to_string(peer.store_id());
    if (peer.id() == region.leader().id()) text += '*';
    if (peer.role() != metapb::PeerRole::Voter) text += fmt::format("({})", RoleName(peer.role()));
    if (IsDown(region, peer.id())) text += "(down)";
    if (Differs(checks, region.region().id(), peer.id())) text += "(differs)";
    if (HasPeer(region.pending_peers(), peer.id())) text += "(pending)";
  }
  return text;
}

std::string Shorten(std::string text) {
  if (text.size() <= kMaxBoundaryText) return text;
  text.resize(kMaxBoundaryText - 3);
  return text + "...";
}

}  // namespace

std::string_view RoleName(metapb::PeerRole role) {
  switch (role) {
    case metapb::PeerRole::Voter:
      return "voter";
    case metapb::PeerRole::Learner:
      return "learner";
    case metapb::PeerRole::IncomingVoter:
      return "incoming voter";
    case metapb::PeerRole::DemotingVoter:
      return "demoting voter";
    default:
      return "unknown role";
  }
}

std::string BoundaryText(const client::KeyCodec& codec, std::string_view region_key,
                         const Console& console) {
  if (region_key.empty()) return "";
  const auto bounds = codec.ToRequestBounds({std::string(region_key), ""});
  if (bounds.ok()) {
    const auto user_key = codec.ToUserKey(bounds->start);
    if (user_key.ok()) return console.Text(*user_key);
    return "raw:" + console.Text(bounds->start);
  }
  return "raw:" + console.Text(region_key);
}

absl::StatusOr<RegionChecks> LoadChecks(client::Admin& admin) {
  absl::StatusOr<std::vector<repair::v1::RegionCheck>> list = admin.Checks();
  RegionChecks checks;
  if (absl::IsUnimplemented(list.status())) return checks;
  if (!list.ok()) return list.status();
  for (repair::v1::RegionCheck& check : *list) {
    const uint64_t id = check.region_id();
    checks[id] = std::move(check);
  }
  return checks;
}

Json RegionToJson(const client::KeyCodec& codec, const pdpb::Region& region, const Console& console,
                  const RegionChecks& checks) {
  const metapb::Region& meta = region.region();
  Json json = Json::MakeObject();
  json.Set("id", meta.id());
  json.Set("start_key", BoundaryText(codec, meta.start_key(), console));
  json.Set("end_key", BoundaryText(codec, meta.end_key(), console));
  json.Set("start_region_key_hex", ToText(meta.start_key(), ByteForm::kHex));
  json.Set("end_region_key_hex", ToText(meta.end_key(), ByteForm::kHex));
  json.Set("conf_ver", meta.region_epoch().conf_ver());
  json.Set("version", meta.region_epoch().version());
  json.Set("leader_store", region.leader().store_id());
  Json peers = Json::MakeArray();
  for (const metapb::Peer& peer : meta.peers()) {
    Json one = Json::MakeObject();
    one.Set("id", peer.id()).Set("store", peer.store_id()).Set("role", RoleName(peer.role()));
    one.Set("is_leader", peer.id() == region.leader().id());
    one.Set("is_down", IsDown(region, peer.id()));
    one.Set("is_pending", HasPeer(region.pending_peers(), peer.id()));
    one.Set("differs", Differs(checks, meta.id(), peer.id()));
    peers.Append(std::move(one));
  }
  if (const auto it = checks.find(meta.id()); it != checks.end()) {
    json.Set("last_check", CheckText(it->second.agreement()));
    if (it->second.checked_at_ms() > 0) json.Set("last_check_ms", it->second.checked_at_ms());
  }
  return json.Set("peers", std::move(peers));
}

Table MakeRegionTable() { return Table({">REGION", "START", "END", ">EPOCH", "STORES (* LEADS)"}); }

void AddRegionRow(Table& table, const client::KeyCodec& codec, const pdpb::Region& region,
                  const Console& console, const RegionChecks& checks) {
  const metapb::Region& meta = region.region();
  table.AddRow({std::to_string(meta.id()), Shorten(BoundaryText(codec, meta.start_key(), console)),
                Shorten(BoundaryText(codec, meta.end_key(), console)),
                fmt::format("{}.{}", meta.region_epoch().conf_ver(), meta.region_epoch().version()),
                PeersText(region, checks)});
}

}  // namespace flotilla::cli
