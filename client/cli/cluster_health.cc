#include "client/cli/cluster_health.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>
#include <set>

#include "client/cli/table.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace flotilla::cli {
namespace {

// Stores speak to PD every few seconds; one that missed several times is in trouble.
constexpr int64_t kSilenceMs = 20'000;
constexpr size_t kReplicas = 3;
constexpr size_t kMostRegionsNamed = 5;

std::string WithoutScheme(const std::string& url) {
  const size_t scheme = url.find("://");
  return scheme == url.npos ? url : url.substr(scheme + 3);
}

std::string StateText(const metapb::Store& store) {
  if (store.physically_destroyed()) return "lost";
  switch (store.state()) {
    case metapb::StoreState::Up:
      return "up";
    case metapb::StoreState::Offline:
      return "leaving";
    default:
      return "gone";
  }
}

std::string HealthText(const absl::Status& health) {
  return health.ok() ? "serving" : std::string(FromAbsl(health.message()));
}

// Says the same of many regions in one sentence.
class RegionComplaint {
 public:
  explicit RegionComplaint(std::string what) : what_(std::move(what)) {}
  void Add(uint64_t region_id) { ids_.push_back(region_id); }
  void AppendTo(std::vector<std::string>& problems) const {
    if (ids_.empty()) return;
    std::string text = ids_.size() == 1 ? "region" : fmt::format("{} regions:", ids_.size());
    for (size_t i = 0; i < std::min(ids_.size(), kMostRegionsNamed); ++i) {
      text += fmt::format("{} {}", i > 0 ? "," : "", ids_[i]);
    }
    if (ids_.size() > kMostRegionsNamed) text += " and others";
    problems.push_back(text + " " + what_);
  }

 private:
  const std::string what_;
  std::vector<uint64_t> ids_;
};

void FindMemberProblems(const ClusterState& state, std::vector<std::string>& problems) {
  size_t healthy = 0;
  bool has_leader = false;
  for (const MemberState& member : state.members) {
    has_leader = has_leader || member.is_leader;
    if (member.health.ok()) {
      ++healthy;
    } else {
      problems.push_back(fmt::format("PD member {} at {} does not answer: {}", member.member.name(),
                                     member.address, HealthText(member.health)));
    }
  }
  if (!has_leader) problems.push_back("PD has no leader: no route, id or timestamp is given out");
  if (healthy * 2 <= state.members.size()) {
    problems.push_back(fmt::format("only {} of {} PD members answer: there is no majority", healthy,
                                   state.members.size()));
  }
}

void FindStoreProblems(const ClusterState& state, std::vector<std::string>& problems) {
  if (state.stores.empty()) problems.push_back("no store has joined the cluster");
  std::set<std::string> versions;
  for (const StoreState& store : state.stores) {
    const std::string name = fmt::format("store {} at {}", store.store.id(), store.store.address());
    if (store.store.physically_destroyed()) {
      problems.push_back(fmt::format("{} was declared lost: {} still to be made on other stores",
                                     name, Counted(store.peers, "replica")));
      continue;
    }
    versions.insert(store.store.version());
    if (!store.health.ok()) {
      problems.push_back(fmt::format("{} does not answer: {}", name, HealthText(store.health)));
    } else if (store.silent_ms > kSilenceMs) {
      problems.push_back(
          fmt::format("PD has not heard of {} for {}", name, HumanSeconds(store.silent_ms / 1000)));
    }
    if (store.IsFull()) {
      problems.push_back(fmt::format(
          "the disk of {} is full: writes that add data to regions that it leads are refused",
          name));
    }
    if (store.store.state() == metapb::StoreState::Offline) {
      problems.push_back(fmt::format("{} is leaving the cluster", name));
    }
  }
  if (versions.size() > 1) {
    std::string text = "stores run different versions:";
    for (const std::string& version : versions) text += " " + version;
    problems.push_back(text);
  }
}

void FindRegionProblems(const ClusterState& state, std::vector<std::string>& problems) {
  std::set<uint64_t> serving;
  for (const StoreState& store : state.stores) {
    if (store.health.ok()) serving.insert(store.store.id());
  }
  RegionComplaint leaderless("without a leader that PD knows");
  RegionComplaint dead_leader("led, as PD believes, by a store that does not answer");
  RegionComplaint thin("with too few replicas");
  RegionComplaint no_majority("without a majority of replicas that answer");
  RegionComplaint catching_up("with a replica that is down or catching up");
  const size_t wanted = std::min(kReplicas, state.stores.size());
  for (const pdpb::Region& region : state.regions) {
    const uint64_t id = region.region().id();
    size_t voters = 0;
    size_t answering = 0;
    for (const metapb::Peer& peer : region.region().peers()) {
      if (peer.role() == metapb::PeerRole::Learner) continue;
      ++voters;
      if (serving.contains(peer.store_id())) ++answering;
    }
    if (region.leader().id() == 0) {
      leaderless.Add(id);
    } else if (!serving.contains(region.leader().store_id())) {
      dead_leader.Add(id);
    }
    if (voters < wanted) thin.Add(id);
    if (answering * 2 <= voters) no_majority.Add(id);
    if (region.down_peers_size() + region.pending_peers_size() > 0) catching_up.Add(id);
  }
  for (const RegionComplaint* complaint :
       {&leaderless, &dead_leader, &thin, &no_majority, &catching_up}) {
    complaint->AppendTo(problems);
  }
}

void FindDifferences(const ClusterState& state, std::vector<std::string>& problems) {
  for (const auto& [id, check] : state.checks) {
    if (check.differing().empty()) continue;
    std::string stores;
    for (const metapb::Peer& peer : check.differing()) {
      stores += fmt::format("{}{}", stores.empty() ? "" : ", ", peer.store_id());
    }
    if (check.has_majority()) {
      problems.push_back(fmt::format(
          "region {}: the replica on store {} does not hold what the majority holds: `flotilla "
          "region repair {} --store {}` makes it anew",
          id, stores, id, check.differing(0).store_id()));
    } else {
      problems.push_back(fmt::format(
          "region {}: the replicas on stores {} do not hold the same, and no majority agrees", id,
          stores));
    }
  }
}

// Regions must cover the key space without a gap.
void FindGaps(const ClusterState& state, std::vector<std::string>& problems) {
  if (state.regions.empty()) {
    problems.push_back("the cluster has no region: it is not bootstrapped yet");
    return;
  }
  std::string expected_start;
  for (const pdpb::Region& region : state.regions) {
    if (region.region().start_key() != expected_start) {
      problems.push_back(fmt::format("no region that PD knows covers the keys before region {}",
                                     region.region().id()));
    }
    expected_start = region.region().end_key();
  }
  if (!expected_start.empty()) {
    problems.push_back("no region that PD knows covers the end of the key space");
  }
}

}  // namespace

absl::StatusOr<ClusterState> CollectClusterState(Session& session, int64_t now_wall_ms) {
  ClusterState state;
  ASSIGN_OR_RETURN(client::Admin* const admin, session.admin());
  state.cluster_id = admin->cluster_id();
  ASSIGN_OR_RETURN(const pdpb::GetMembersResponse members, admin->Members());
  for (const pdpb::Member& member : members.members()) {
    MemberState one{member, "", member.member_id() == members.leader().member_id(), {}};
    if (member.client_urls_size() > 0) one.address = WithoutScheme(member.client_urls(0));
    one.health = session.probe().Probe(one.address);
    state.members.push_back(std::move(one));
  }
  ASSIGN_OR_RETURN(const std::vector<metapb::Store> stores, admin->Stores());
  ASSIGN_OR_RETURN(state.regions, admin->Regions({}));
  ASSIGN_OR_RETURN(state.checks, LoadChecks(*admin));
  std::map<uint64_t, uint64_t> peers;
  std::map<uint64_t, uint64_t> leaders;
  for (const pdpb::Region& region : state.regions) {
    for (const metapb::Peer& peer : region.region().peers()) ++peers[peer.store_id()];
    ++leaders[region.leader().store_id()];
  }
  for (const metapb::Store& store : stores) {
    ASSIGN_OR_RETURN(pdpb::StoreStats stats, admin->StatsOf(StoreId(store.id())));
    StoreState one{store, std::move(stats),  session.probe().Probe(store.address()),
                   -1,    peers[store.id()], leaders[store.id()]};
    // PD keeps nanoseconds.
    if (store.last_heartbeat() > 0) {
      one.silent_ms = std::max<int64_t>(0, now_wall_ms - store.last_heartbeat() / 1'000'000);
    }
    state.stores.push_back(std::move(one));
  }
  return state;
}

std::vector<std::string> FindProblems(const ClusterState& state) {
  std::vector<std::string> problems;
  FindMemberProblems(state, problems);
  FindStoreProblems(state, problems);
  FindRegionProblems(state, problems);
  FindDifferences(state, problems);
  FindGaps(state, problems);
  return problems;
}

Json MembersToJson(const ClusterState& state) {
  Json list = Json::MakeArray();
  for (const MemberState& member : state.members) {
    Json one = Json::MakeObject();
    one.Set("name", member.member.name()).Set("id", member.member.member_id());
    one.Set("address", member.address).Set("is_leader", member.is_leader);
    one.Set("version", member.member.binary_version()).Set("healthy", member.health.ok());
    list.Append(std::move(one));
  }
  return list;
}

Json StoresToJson(const ClusterState& state) {
  Json list = Json::MakeArray();
  for (const StoreState& store : state.stores) {
    Json one = Json::MakeObject();
    one.Set("id", store.store.id()).Set("address", store.store.address());
    one.Set("state", StateText(store.store)).Set("version", store.store.version());
    one.Set("healthy", store.health.ok()).Set("peers", store.peers);
    one.Set("leaders", store.leaders);
    one.Set("capacity_bytes", store.stats.capacity());
    one.Set("available_bytes", store.stats.available()).Set("disk_full", store.IsFull());
    if (store.silent_ms >= 0) one.Set("heartbeat_age_ms", store.silent_ms);
    list.Append(std::move(one));
  }
  return list;
}

void PrintMembers(const ClusterState& state, std::ostream& out) {
  Table table({"MEMBER", "ADDRESS", "ROLE", "HEALTH", "VERSION"});
  for (const MemberState& member : state.members) {
    table.AddRow({member.member.name(), member.address, member.is_leader ? "leader" : "follower",
                  HealthText(member.health), member.member.binary_version()});
  }
  table.Print(out);
}

void PrintStores(const ClusterState& state, std::ostream& out) {
  Table table({">STORE", "ADDRESS", "STATE", "HEALTH", ">PEERS", ">LEADERS", ">HEARD", "VERSION"});
  for (const StoreState& store : state.stores) {
    table.AddRow({std::to_string(store.store.id()), store.store.address(), StateText(store.store),
                  HealthText(store.health), std::to_string(store.peers),
                  std::to_string(store.leaders),
                  store.silent_ms < 0 ? "never" : HumanSeconds(store.silent_ms / 1000) + " ago",
                  store.store.version()});
  }
  table.Print(out);
}

}  // namespace flotilla::cli
