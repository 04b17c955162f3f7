// The replicator of production: the host.
#ifndef FLOTILLA_STORE_KV_HOST_REPLICATOR_H_
#define FLOTILLA_STORE_KV_HOST_REPLICATOR_H_

#include <utility>

#include "common/multiraft/host.h"
#include "store/kv/replicator.h"

namespace flotilla::store {

class HostReplicator final : public Replicator {
 public:
  // `host` must outlive the replicator.
  explicit HostReplicator(multiraft::Host* host) : host_(host) {}

  void Propose(RegionId region_id, multiraft::Proposal proposal) override {
    host_->Propose(region_id, std::move(proposal));
  }
  void Read(RegionId region_id, multiraft::ReadRequest request) override {
    host_->Read(region_id, std::move(request));
  }

 private:
  multiraft::Host* const host_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_KV_HOST_REPLICATOR_H_
