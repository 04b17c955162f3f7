#include "store/region/unknown_region.h"

#include <utility>
#include <variant>

#include "common/base/planted_bugs.h"

namespace flotilla::store {
namespace {

bool IsMember(const metapb::Region& region, PeerId peer) {
  for (const metapb::Peer& member : region.peers()) {
    if (member.id() == peer.value()) return true;
  }
  return false;
}

}  // namespace

UnknownRegionAction DecideUnknown(const net::Envelope& envelope, const MessageContext& context,
                                  const RegionState* tombstone, bool range_taken) {
  const raft::Message& message = envelope.message;
  const bool is_vote = std::holds_alternative<raft::VoteRequest>(message.body);
  const bool is_question = std::holds_alternative<MembershipQuestion>(context);
  if (Planted(Bug::kTombstoneForgotten)) tombstone = nullptr;
  if (tombstone != nullptr && message.to <= tombstone->peer_id) {
    // Our peer was removed; if the sender was too, it does not know of either.
    const bool newer = tombstone->region.region_epoch().conf_ver() > envelope.epoch.conf_ver;
    const bool is_member = IsMember(tombstone->region, message.from);
    if ((is_vote || is_question) && newer && !is_member) return UnknownRegionAction::kTellRemoved;
    const bool knows_position = tombstone->removed_at != raft::EntryId{};
    const bool is_its_vote = is_vote && message.to == tombstone->peer_id;
    if (is_its_vote && newer && is_member && knows_position) {
      return UnknownRegionAction::kTellCommitted;
    }
    return UnknownRegionAction::kDrop;
  }
  if (!std::holds_alternative<RangeHint>(context)) return UnknownRegionAction::kDrop;
  if (!range_taken) return UnknownRegionAction::kCreatePeer;
  return is_vote ? UnknownRegionAction::kKeepVote : UnknownRegionAction::kDrop;
}

void PendingVotes::Keep(net::Envelope envelope, env::Instant now) {
  while (!votes_.empty() && (votes_.size() >= kMaxVotes || now - votes_.front().at > kMaxAge)) {
    votes_.pop_front();
  }
  votes_.push_back({now, std::move(envelope)});
}

std::vector<net::Envelope> PendingVotes::Take(RegionId region_id, env::Instant now) {
  std::vector<net::Envelope> taken;
  std::deque<Vote> left;
  for (Vote& vote : votes_) {
    if (vote.envelope.region_id != region_id) {
      left.push_back(std::move(vote));
    } else if (now - vote.at <= kMaxAge) {
      taken.push_back(std::move(vote.envelope));
    }
  }
  votes_ = std::move(left);
  return taken;
}

}  // namespace flotilla::store
