// The state of a whole cluster, and what is wrong with it in words.
#ifndef FLOTILLA_CLIENT_CLI_CLUSTER_HEALTH_H_
#define FLOTILLA_CLIENT_CLI_CLUSTER_HEALTH_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/json.h"
#include "client/cli/region_text.h"
#include "client/cli/session.h"
#include "tikv/metapb.pb.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::cli {

struct MemberState {
  pdpb::Member member;
  std::string address;  // host:port
  bool is_leader = false;
  absl::Status health;
};

struct StoreState {
  // No room for more data: a store does not count its reserve as available.
  bool IsFull() const { return stats.capacity() > 0 && stats.available() == 0; }

  metapb::Store store;
  // Its last word to PD.
  pdpb::StoreStats stats;
  absl::Status health;
  // Since its last word to PD; nothing when it never gave any.
  int64_t silent_ms = -1;
  uint64_t peers = 0;
  uint64_t leaders = 0;
};

struct ClusterState {
  uint64_t cluster_id = 0;
  std::vector<MemberState> members;
  std::vector<StoreState> stores;
  std::vector<pdpb::Region> regions;
  RegionChecks checks;
};

// Asks PD, and each process whether it serves. An error only when PD cannot be asked at all.
absl::StatusOr<ClusterState> CollectClusterState(Session& session, int64_t now_wall_ms);

// What is wrong, a sentence each; empty: all is well. A pure function.
std::vector<std::string> FindProblems(const ClusterState& state);

Json MembersToJson(const ClusterState& state);
Json StoresToJson(const ClusterState& state);
void PrintMembers(const ClusterState& state, std::ostream& out);
void PrintStores(const ClusterState& state, std::ostream& out);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_CLUSTER_HEALTH_H_
