#include "store/consistency/verdict.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace flotilla::store {
namespace {

std::string StoresThat(const Comparison& comparison, ReplicaVerdict verdict) {
  std::vector<uint64_t> stores;
  for (const ComparedReplica& replica : comparison.replicas) {
    if (replica.verdict == verdict) stores.push_back(replica.peer.store_id());
  }
  return absl::StrJoin(stores, ", ");
}

bool Any(const Comparison& comparison, ReplicaVerdict verdict) {
  return std::any_of(comparison.replicas.begin(), comparison.replicas.end(),
                     [verdict](const ComparedReplica& r) { return r.verdict == verdict; });
}

}  // namespace

Comparison Compare(const metapb::Region& region, Index at,
                   const std::map<PeerId, HashReport>& reports) {
  Comparison comparison{.region = region, .at = at, .replicas = {}};
  std::map<uint64_t, int> holders;
  int compared = 0;
  for (const metapb::Peer& peer : region.peers()) {
    ComparedReplica& replica = comparison.replicas.emplace_back();
    replica.peer = peer;
    const auto report = reports.find(PeerId(peer.id()));
    if (report == reports.end() || !report->second.computed || report->second.at != at) continue;
    replica.verdict = ReplicaVerdict::kDiffers;
    replica.hash = report->second.hash;
    replica.keys = report->second.keys;
    ++holders[replica.hash];
    ++compared;
  }
  const bool differs = holders.size() > 1;
  for (ComparedReplica& replica : comparison.replicas) {
    if (replica.verdict == ReplicaVerdict::kNotCompared) continue;
    const bool is_majority = 2 * holders[replica.hash] > region.peers_size();
    comparison.has_majority = comparison.has_majority || is_majority;
    if (is_majority || !differs) replica.verdict = ReplicaVerdict::kAgrees;
  }
  comparison.agreement = differs                           ? Agreement::kDiffers
                         : compared == region.peers_size() ? Agreement::kEqual
                                                           : Agreement::kIncomplete;
  return comparison;
}

std::string Describe(const Comparison& comparison) {
  std::string text = absl::StrCat(
      "region ", comparison.region.id(), " [", absl::CEscape(comparison.region.start_key()), ", ",
      absl::CEscape(comparison.region.end_key()), ") at entry ", comparison.at.value(), ": ");
  const std::string differ = StoresThat(comparison, ReplicaVerdict::kDiffers);
  if (comparison.agreement == Agreement::kEqual) {
    absl::StrAppend(&text, "all replicas hold the same");
  } else if (comparison.agreement == Agreement::kIncomplete) {
    absl::StrAppend(&text, "no difference was seen");
  } else if (comparison.has_majority) {
    absl::StrAppend(&text, "the replica on store ", differ, " differs from those on stores ",
                    StoresThat(comparison, ReplicaVerdict::kAgrees), ", which agree");
  } else {
    absl::StrAppend(&text, "the replicas on stores ", differ,
                    " differ, and there is no majority that agrees");
  }
  if (Any(comparison, ReplicaVerdict::kNotCompared)) {
    absl::StrAppend(&text, "; not compared: store ",
                    StoresThat(comparison, ReplicaVerdict::kNotCompared));
  }
  return text;
}

}  // namespace flotilla::store
