#include "pd/schedule/op_step.h"

#include <algorithm>
#include <chrono>
#include <type_traits>

#include "absl/strings/str_cat.h"

namespace flotilla::pd {
namespace {

constexpr env::Duration kFastStepTimeout = std::chrono::seconds(60);
constexpr env::Duration kSlowStepTimeout = std::chrono::minutes(10);

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
// clang 14 does not find it by itself.
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

bool HasPeer(const RegionInfo& region, StoreId store, PeerId peer) {
  const metapb::Peer* found = region.PeerOn(store);
  return found != nullptr && found->id() == peer.value();
}

metapb::Peer MakePeer(StoreId store, PeerId id, metapb::PeerRole role) {
  metapb::Peer peer;
  peer.set_id(id.value());
  peer.set_store_id(store.value());
  peer.set_role(role);
  return peer;
}

void FillChangePeer(const metapb::Peer& peer, eraftpb::ConfChangeType type,
                    pdpb::RegionHeartbeatResponse* response) {
  pdpb::ChangePeer* change = response->mutable_change_peer();
  *change->mutable_peer() = peer;
  change->set_change_type(type);
}

}  // namespace

bool IsFinished(const OpStep& step, const RegionInfo& region) {
  return std::visit(
      Overloaded{
          [&](const AddLearner& s) {
            // The learner must have caught up before it may vote.
            return HasPeer(region, s.store, s.peer) && !region.IsPending(s.peer);
          },
          [&](const PromoteLearner& s) {
            const metapb::Peer* peer = region.PeerOn(s.store);
            return peer != nullptr && peer->id() == s.peer.value() && peer->role() == metapb::Voter;
          },
          [&](const RemovePeer& s) { return !HasPeer(region, s.store, s.peer); },
          [&](const TransferLeader& s) { return region.leader_store() == s.to; },
          [&](const SplitRegion& s) {
            return std::none_of(s.keys.begin(), s.keys.end(),
                                [&](const std::string& key) { return region.CanSplitAt(key); });
          },
      },
      step);
}

absl::Status CheckInProgress(const OpStep& step, const RegionInfo& region) {
  return std::visit(Overloaded{
                        [&](const AddLearner& s) -> absl::Status {
                          const metapb::Peer* peer = region.PeerOn(s.store);
                          if (peer == nullptr || peer->id() == s.peer.value())
                            return absl::OkStatus();
                          return absl::FailedPreconditionError(
                              absl::StrCat("store ", s.store.value(), " has another peer already"));
                        },
                        [&](const PromoteLearner& s) -> absl::Status {
                          if (HasPeer(region, s.store, s.peer)) return absl::OkStatus();
                          return absl::FailedPreconditionError(absl::StrCat(
                              "peer ", s.peer.value(), " is gone from store ", s.store.value()));
                        },
                        [&](const RemovePeer& s) -> absl::Status {
                          if (region.leader.id() != s.peer.value()) return absl::OkStatus();
                          return absl::FailedPreconditionError(
                              absl::StrCat("peer ", s.peer.value(), " has become the leader"));
                        },
                        [&](const TransferLeader& s) -> absl::Status {
                          const metapb::Peer* peer = region.PeerOn(s.to);
                          if (peer != nullptr && peer->role() == metapb::Voter)
                            return absl::OkStatus();
                          return absl::FailedPreconditionError(
                              absl::StrCat("store ", s.to.value(), " has no voter"));
                        },
                        [&](const SplitRegion&) { return absl::OkStatus(); },
                    },
                    step);
}

uint64_t ConfVerChange(const OpStep& step) {
  return std::visit(Overloaded{[](const TransferLeader&) -> uint64_t { return 0; },
                               [](const SplitRegion&) -> uint64_t { return 0; },
                               [](const auto&) -> uint64_t { return 1; }},
                    step);
}

bool IsSplit(const OpStep& step) { return std::holds_alternative<SplitRegion>(step); }

env::Duration StepTimeout(const OpStep& step) {
  return std::holds_alternative<AddLearner>(step) ? kSlowStepTimeout : kFastStepTimeout;
}

void FillInstruction(const OpStep& step, const RegionInfo& region,
                     pdpb::RegionHeartbeatResponse* response) {
  response->set_region_id(region.meta.id());
  *response->mutable_region_epoch() = region.meta.region_epoch();
  *response->mutable_target_peer() = region.leader;
  std::visit(Overloaded{
                 [&](const AddLearner& s) {
                   FillChangePeer(MakePeer(s.store, s.peer, metapb::Learner),
                                  eraftpb::AddLearnerNode, response);
                 },
                 [&](const PromoteLearner& s) {
                   FillChangePeer(MakePeer(s.store, s.peer, metapb::Voter), eraftpb::AddNode,
                                  response);
                 },
                 [&](const RemovePeer& s) {
                   const metapb::Peer* peer = region.FindPeer(s.peer);
                   const metapb::PeerRole role = peer == nullptr ? metapb::Voter : peer->role();
                   FillChangePeer(MakePeer(s.store, s.peer, role), eraftpb::RemoveNode, response);
                 },
                 [&](const TransferLeader& s) {
                   const metapb::Peer* peer = region.PeerOn(s.to);
                   if (peer != nullptr)
                     *response->mutable_transfer_leader()->mutable_peer() = *peer;
                 },
                 [&](const SplitRegion& s) {
                   pdpb::SplitRegion* split = response->mutable_split_region();
                   split->set_policy(pdpb::USEKEY);
                   for (const std::string& key : s.keys) {
                     if (region.CanSplitAt(key)) split->add_keys(key);
                   }
                 },
             },
             step);
}

std::string Describe(const OpStep& step) {
  return std::visit(
      Overloaded{
          [](const AddLearner& s) {
            return absl::StrCat("add learner ", s.peer.value(), " on store ", s.store.value());
          },
          [](const PromoteLearner& s) {
            return absl::StrCat("promote learner ", s.peer.value(), " on store ", s.store.value());
          },
          [](const RemovePeer& s) {
            return absl::StrCat("remove peer ", s.peer.value(), " on store ", s.store.value());
          },
          [](const TransferLeader& s) {
            return absl::StrCat("transfer leader from store ", s.from.value(), " to store ",
                                s.to.value());
          },
          [](const SplitRegion& s) { return absl::StrCat("split at ", s.keys.size(), " keys"); },
      },
      step);
}

}  // namespace flotilla::pd
