#include "store/region/peer_report.h"

#include <chrono>

#include "common/base/units.h"

namespace flotilla::store {

bool FollowerWatch::Update(const raft::NodeStatus& status, env::Instant now) {
  std::set<PeerId> pending;
  std::set<PeerId> down;
  for (const auto& [peer, progress] : status.progress) {
    if (peer == status.id) continue;
    heard_.try_emplace(peer, now);
    if (IsDown(peer, now)) down.insert(peer);
    const bool far_behind = progress.match + kPendingLag < status.last_index;
    if (progress.match == Index(0) || progress.state == raft::ProgressState::kSnapshot ||
        far_behind) {
      pending.insert(peer);
    }
  }
  std::erase_if(heard_, [&](const auto& entry) { return !status.progress.contains(entry.first); });
  const bool changed = pending != pending_ || down != down_;
  pending_ = std::move(pending);
  down_ = std::move(down);
  return changed;
}

void FollowerWatch::Clear() { *this = FollowerWatch(); }

bool FollowerWatch::IsDown(PeerId peer, env::Instant now) const {
  const auto it = heard_.find(peer);
  return it != heard_.end() && now - it->second >= kDownAfter;
}

pdpb::RegionHeartbeatRequest MakeReport(const RegionView& view, Term term,
                                        const FollowerWatch& followers, const env::Clock& clock,
                                        TrafficMark& mark) {
  pdpb::RegionHeartbeatRequest report;
  *report.mutable_region() = view.region.meta();
  *report.mutable_leader() = view.self;
  report.set_term(term.value());
  const env::Instant now = clock.Now();
  for (const auto& [peer, since] : followers.heard()) {
    const metapb::Peer* meta = view.region.FindPeer(peer);
    if (meta == nullptr || !followers.IsDown(peer, now)) continue;
    auto* down = report.add_down_peers();
    *down->mutable_peer() = *meta;
    down->set_down_seconds(std::chrono::duration_cast<std::chrono::seconds>(now - since).count());
  }
  for (const PeerId peer : followers.pending()) {
    if (const metapb::Peer* meta = view.region.FindPeer(peer)) *report.add_pending_peers() = *meta;
  }

  const PeerTraffic& traffic = view.peer->traffic;
  const TrafficMark present{.bytes_written = traffic.bytes_written.load(),
                            .keys_written = traffic.keys_written.load(),
                            .bytes_read = traffic.bytes_read.load(),
                            .keys_read = traffic.keys_read.load(),
                            .wall_seconds = clock.WallMillis() / 1000};
  report.set_bytes_written(present.bytes_written - mark.bytes_written);
  report.set_keys_written(present.keys_written - mark.keys_written);
  report.set_bytes_read(present.bytes_read - mark.bytes_read);
  report.set_keys_read(present.keys_read - mark.keys_read);
  report.mutable_interval()->set_start_timestamp(static_cast<uint64_t>(mark.wall_seconds));
  report.mutable_interval()->set_end_timestamp(static_cast<uint64_t>(present.wall_seconds));
  const uint64_t bytes = view.peer->approximate_bytes.load();
  report.set_approximate_size((bytes + kMiB - 1) / kMiB);
  report.set_approximate_keys(view.peer->approximate_keys.load());
  mark = present;
  return report;
}

}  // namespace flotilla::store
