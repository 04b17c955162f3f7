#include "store/region/region.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/errors/region_error.h"

namespace flotilla::store {

Region::Region(metapb::Region meta)
    : meta_(std::move(meta)), range_{meta_.start_key(), meta_.end_key()} {}

const metapb::Peer* Region::FindPeer(PeerId peer) const {
  for (const auto& candidate : meta_.peers()) {
    if (candidate.id() == peer.value()) return &candidate;
  }
  return nullptr;
}

const metapb::Peer* Region::FindPeerOn(StoreId store) const {
  for (const auto& candidate : meta_.peers()) {
    if (candidate.store_id() == store.value()) return &candidate;
  }
  return nullptr;
}

bool Region::InJointState() const {
  return std::any_of(meta_.peers().begin(), meta_.peers().end(), [](const metapb::Peer& peer) {
    return peer.role() == metapb::IncomingVoter || peer.role() == metapb::DemotingVoter;
  });
}

raft::ConfState Region::conf_state() const {
  raft::ConfState state;
  const bool joint = InJointState();
  for (const auto& peer : meta_.peers()) {
    const PeerId id(peer.id());
    switch (peer.role()) {
      case metapb::Learner:
        state.learners.push_back(id);
        break;
      case metapb::DemotingVoter:
        state.voters_outgoing.push_back(id);
        state.learners_next.push_back(id);
        break;
      case metapb::IncomingVoter:
        state.voters.push_back(id);
        break;
      default:
        state.voters.push_back(id);
        if (joint) state.voters_outgoing.push_back(id);
        break;
    }
  }
  for (auto* list :
       {&state.voters, &state.voters_outgoing, &state.learners, &state.learners_next}) {
    std::sort(list->begin(), list->end());
  }
  state.auto_leave = joint;
  return state;
}

absl::Status Region::CheckVersion(uint64_t version) const {
  if (version == meta_.region_epoch().version()) [[likely]]
    return absl::OkStatus();
  return errors::EpochNotMatch(
      absl::StrCat("region ", meta_.id(), " is at version ", meta_.region_epoch().version(),
                   ", the request at ", version),
      {meta_});
}

absl::Status Region::CheckEpoch(net::Epoch epoch) const {
  if (epoch == this->epoch()) return absl::OkStatus();
  return errors::EpochNotMatch(
      absl::StrCat("region ", meta_.id(), " is at conf_ver ", this->epoch().conf_ver, " version ",
                   this->epoch().version, ", the request at conf_ver ", epoch.conf_ver, " version ",
                   epoch.version),
      {meta_});
}

absl::Status Region::CheckRange(const KeyRange& range) const {
  if (range_.ContainsRange(range)) return absl::OkStatus();
  return KeyOutside(range_.Contains(range.start) ? range.end : range.start);
}

KeyRange Region::Clip(const KeyRange& range) const {
  KeyRange clipped = range;
  if (clipped.start < range_.start) clipped.start = range_.start;
  if (!range_.end.empty() && (clipped.end.empty() || clipped.end > range_.end)) {
    clipped.end = range_.end;
  }
  return clipped;
}

absl::Status Region::KeyOutside(std::string_view engine_key) const {
  return errors::KeyNotInRegion(engine_key, meta_);
}

bool IsVoter(const metapb::Peer& peer) {
  return peer.role() != metapb::Learner && peer.role() != metapb::DemotingVoter;
}

}  // namespace flotilla::store
