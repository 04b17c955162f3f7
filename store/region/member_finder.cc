#include "store/region/member_finder.h"

#include <utility>

#include "common/base/log.h"
#include "store/region/message_context.h"

namespace flotilla::store {

net::Envelope AskWhetherMember(const PeerIdentity& self, PeerId peer, StoreId store) {
  net::Envelope question;
  question.region_id = self.region_id;
  question.from_store = self.store_id;
  question.to_store = store;
  question.context = EncodeContext(MembershipQuestion{});
  question.message.from = self.peer_id;
  question.message.to = peer;
  question.message.body = raft::HeartbeatResponse{};  // Not looked at.
  return question;
}

MemberFinder::MemberFinder(pdclient::PdClient* pd, net::Transport* transport,
                           metrics::Registry* metrics)
    : pd_(pd),
      transport_(transport),
      asked_(metrics->AddCounter("flotilla_store_member_searches_total",
                                 "Times that a peer without a leader asked PD for its region")),
      refused_(metrics->AddCounter("flotilla_store_member_searches_refused_total",
                                   "The same, put off because too many were under way")) {}

void MemberFinder::Ask(const PeerIdentity& self) {
  if (under_way_.fetch_add(1) >= kMaxUnderWay) {
    under_way_.fetch_sub(1);
    refused_.Increment();
    return;
  }
  asked_.Increment();
  pd_->GetRegionById(self.region_id, [this, self](absl::StatusOr<pdpb::Region> found) {
    under_way_.fetch_sub(1);
    if (!found.ok()) {
      LOG_INFO("region {} peer {} has no leader, and PD does not tell who its members are: {}",
               self.region_id, self.peer_id, found.status().ToString());
      return;
    }
    for (const metapb::Peer& peer : found->region().peers()) {
      const StoreId store(peer.store_id());
      if (store == self.store_id) continue;
      transport_->Send(AskWhetherMember(self, PeerId(peer.id()), store));
    }
  });
}

}  // namespace flotilla::store
