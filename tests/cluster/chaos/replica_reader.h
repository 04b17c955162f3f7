// Reads every region from each of its replicas, by `replica_read`, and compares.
//
// Blocks.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_REPLICA_READER_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_REPLICA_READER_H_

#include <cstdint>

#include "client/cluster_connection.h"
#include "tests/support/violations.h"

namespace flotilla::chaos {

struct ReplicasRead {
  uint64_t regions = 0;
  uint64_t replicas = 0;
  // Of the cluster; each was read from every replica of its region.
  uint64_t pairs = 0;
};

// Adds a violation for each replica that holds something else than its region's first one, for each
// that cannot be read, and when all together are not what the client reads.
ReplicasRead CompareReplicas(client::ClusterConnection* connection,
                             testing::Violations* violations);

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_REPLICA_READER_H_
