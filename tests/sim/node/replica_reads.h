// The stores as a client sees them that asks any replica for some of its reads (`replica_read`),
// and the leader if the replica does not answer well. The client library itself asks leaders only.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_NODE_REPLICA_READS_H_
#define FLOTILLA_TESTS_SIM_NODE_REPLICA_READS_H_

#include <memory>
#include <string>

#include "client/locator.h"
#include "client/store_rpc.h"
#include "common/env/clock.h"
#include "common/env/random.h"

namespace flotilla::sim {

class ReplicaReads final : public client::StoreConnector {
 public:
  // `share` of the reads go to replicas. All must outlive this and its connections.
  ReplicaReads(client::StoreConnector* stores, const env::Clock* clock, double share,
               env::Random random)
      : stores_(stores), clock_(clock), share_(share), random_(random) {}

  // Where replicas are; before anything is read.
  void SetLocator(client::Locator* locator) { locator_ = locator; }

  std::shared_ptr<client::StoreConnection> Connect(const std::string& address) override;
  void Shutdown() override { stores_->Shutdown(); }

 private:
  class Connection;

  // A replica to ask instead, and its connection; null: the leader is asked.
  struct Replica {
    metapb::Peer peer;
    std::shared_ptr<client::StoreConnection> connection;
  };
  Replica Draw(const kvrpcpb::Context& context, const std::string& key);

  client::StoreConnector* const stores_;
  const env::Clock* const clock_;
  const double share_;
  env::Random random_;
  client::Locator* locator_ = nullptr;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_NODE_REPLICA_READS_H_
