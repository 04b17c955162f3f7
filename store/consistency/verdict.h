// What follows from the hashes of a region's replicas.
//
// Pure.
#ifndef FLOTILLA_STORE_CONSISTENCY_VERDICT_H_
#define FLOTILLA_STORE_CONSISTENCY_VERDICT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/raft/types.h"
#include "store/region/message_context.h"
#include "tikv/metapb.pb.h"

namespace flotilla::store {

enum class Agreement {
  kEqual,       // All replicas hold the same.
  kIncomplete,  // No difference was seen, but some replica was not compared.
  kDiffers,     // Some two do not.
};

enum class ReplicaVerdict {
  kAgrees,       // With all that were compared, or with a majority.
  kDiffers,      // From a majority that agrees; or there is none, and nobody knows who is right.
  kNotCompared,  // It did not answer, or had no time.
};

struct ComparedReplica {
  metapb::Peer peer;
  ReplicaVerdict verdict = ReplicaVerdict::kNotCompared;
  uint64_t hash = 0;
  uint64_t keys = 0;
};

struct Comparison {
  metapb::Region region;
  // The entry as of which they were compared.
  Index at;
  Agreement agreement = Agreement::kIncomplete;
  // More than half of all replicas hold the same: the others are wrong.
  bool has_majority = false;
  std::vector<ComparedReplica> replicas;  // In the order of the region's peers.
};

// `reports` of other entries than `at` are left out.
Comparison Compare(const metapb::Region& region, Index at,
                   const std::map<PeerId, HashReport>& reports);

// In words: "region 7 [a, b) at entry 12: the replica on store 3 differs from those on ...".
std::string Describe(const Comparison& comparison);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_CONSISTENCY_VERDICT_H_
