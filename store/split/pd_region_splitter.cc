#include "store/split/pd_region_splitter.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/errors/region_error.h"
#include "store/operation/split.h"

namespace flotilla::store {
namespace {

constexpr env::Duration kProposalTimeout = std::chrono::seconds(10);

}  // namespace

PdRegionSplitter::PdRegionSplitter(pdclient::PdClient* pd, Replicator* replicator,
                                   const KeyCodec* codec, const env::Clock* clock)
    : pd_(pd), replicator_(replicator), codec_(codec), clock_(clock) {}

void PdRegionSplitter::Split(RegionViewPtr view, std::vector<std::string> keys,
                             SplitCallback done) {
  if (auto status = CheckSplitKeys(view->region, *codec_, keys); !status.ok()) {
    std::move(done)(std::move(status));
    return;
  }
  if (view->peer->leader.load() != view->self.id()) {
    const metapb::Peer* leader = view->region.FindPeer(PeerId(view->peer->leader.load()));
    std::move(done)(errors::NotLeader(view->region.id(), leader));
    return;
  }
  const metapb::Region& meta = view->region.meta();
  const auto count = static_cast<uint32_t>(keys.size());
  pd_->AskBatchSplit(meta, count, pdpb::SIZE,
                     [this, view, keys = std::move(keys), done = std::move(done)](
                         absl::StatusOr<std::vector<pdpb::SplitID>> ids) mutable {
                       if (ids.ok() && ids->size() != keys.size()) {
                         ids = absl::InternalError(absl::StrCat(
                             "PD gave ", ids->size(), " ids for ", keys.size(), " new regions"));
                       }
                       if (!ids.ok()) {
                         // PD not being there is no fault of the request's.
                         std::move(done)(absl::UnavailableError(absl::StrCat(
                             "no ids for a split from PD: ", ids.status().ToString())));
                         return;
                       }
                       Propose(std::move(view), std::move(keys), *ids, std::move(done));
                     });
}

void PdRegionSplitter::Propose(RegionViewPtr view, std::vector<std::string> keys,
                               const std::vector<pdpb::SplitID>& ids, SplitCallback done) {
  SplitCommand command;
  command.epoch = view->region.epoch();
  for (size_t i = 0; i < keys.size(); ++i) {
    SplitPiece piece{std::move(keys[i]), RegionId(ids[i].new_region_id()), {}};
    for (const uint64_t peer : ids[i].new_peer_ids()) piece.peer_ids.push_back(PeerId(peer));
    command.pieces.push_back(std::move(piece));
  }
  multiraft::Proposal proposal;
  proposal.command = EncodeSplit(command);
  proposal.epoch_version = command.epoch.version;
  proposal.deadline = clock_->Now() + kProposalTimeout;
  proposal.callback = [pd = pd_,
                       done = std::move(done)](absl::StatusOr<multiraft::Applied> applied) mutable {
    if (!applied.ok()) {
      std::move(done)(std::move(applied).status());
      return;
    }
    auto regions = DecodeRegions(applied->payload);
    CHECK_OK(regions.status());
    pd->ReportBatchSplit(*regions, [](absl::Status status) {
      if (!status.ok()) LOG_DEBUG("PD did not take the report of a split: {}", status.ToString());
    });
    std::move(done)(*std::move(regions));
  };
  replicator_->Propose(view->region.id(), std::move(proposal));
}

}  // namespace flotilla::store
