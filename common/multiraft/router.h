// Finds the worker of a region: worker i owns the groups with region_id % N == i for life.
//
// Thread-safe.
#ifndef FLOTILLA_COMMON_MULTIRAFT_ROUTER_H_
#define FLOTILLA_COMMON_MULTIRAFT_ROUTER_H_

#include <memory>
#include <vector>

#include "common/multiraft/worker_inbox.h"

namespace flotilla::multiraft {

class Router {
 public:
  Router(int raft_workers, size_t inbox_capacity, uint64_t max_received_bytes) {
    for (int i = 0; i < raft_workers; ++i) {
      inboxes_.push_back(std::make_unique<WorkerInbox>(inbox_capacity, max_received_bytes));
    }
  }

  int workers() const { return static_cast<int>(inboxes_.size()); }
  WorkerInbox& worker(int i) const { return *inboxes_[i]; }
  int IndexOf(RegionId region_id) const { return region_id.value() % inboxes_.size(); }
  WorkerInbox& WorkerOf(RegionId region_id) const { return *inboxes_[IndexOf(region_id)]; }

 private:
  std::vector<std::unique_ptr<WorkerInbox>> inboxes_;
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_ROUTER_H_
