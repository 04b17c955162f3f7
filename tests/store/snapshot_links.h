// The streams of snapshots between the stores of a simulated cluster. A message is passed on at
// once, in the thread of whoever sends, unless the network is cut; a process that is killed takes
// its streams with it.
//
// Not thread-safe: all of a simulation runs in one thread.
#ifndef FLOTILLA_TESTS_STORE_SNAPSHOT_LINKS_H_
#define FLOTILLA_TESTS_STORE_SNAPSHOT_LINKS_H_

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "store/snapshot/service.h"
#include "tests/support/fault_network.h"

namespace flotilla::store {

class SnapshotLinks {
 public:
  // Null: the store is down.
  using Receivers = std::function<SnapshotService*(StoreId)>;

  // `network` must outlive this.
  SnapshotLinks(const testing::FaultNetwork* network, Receivers receivers);
  ~SnapshotLinks();

  // How `from` opens streams. Lives as long as this.
  SnapshotConnector* ConnectorOf(StoreId from);
  // The process of `store` is gone: nobody calls it any more, and its peers hear of it.
  void Break(StoreId store);

 private:
  class Link;
  class Connector;

  const testing::FaultNetwork* const network_;
  const Receivers receivers_;
  std::map<StoreId, std::unique_ptr<Connector>> connectors_;
  std::vector<std::weak_ptr<Link>> links_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_TESTS_STORE_SNAPSHOT_LINKS_H_
