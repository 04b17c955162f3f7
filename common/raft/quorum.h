// Quorum arithmetic: pure functions over sets of voters.
//
// A joint configuration (thesis 4.3) is two majorities: both must agree, so what it has
// acknowledged is the lesser of the two, and a vote is won only in both. An empty half agrees with
// everything.
#ifndef FLOTILLA_COMMON_RAFT_QUORUM_H_
#define FLOTILLA_COMMON_RAFT_QUORUM_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "common/base/ids.h"
#include "common/base/planted_bugs.h"

namespace flotilla::raft {

enum class VoteResult : uint8_t { kPending, kLost, kWon };

// What an empty half has acknowledged: it sets no limit.
inline constexpr uint64_t kUnlimitedQuorum = UINT64_MAX;

// The largest value that a majority of `voters` has acknowledged. `acked(PeerId)` yields an
// optional number; a voter without one counts as 0.
template <typename Acked>
uint64_t MajorityAcked(const std::vector<PeerId>& voters, const Acked& acked) {
  if (voters.empty()) return kUnlimitedQuorum;
  absl::InlinedVector<uint64_t, 8> values;
  for (PeerId voter : voters) {
    std::optional<uint64_t> value = acked(voter);
    values.push_back(value.value_or(0));
  }
  // With the greatest first, the value at position size / 2 is reached by size / 2 + 1 voters.
  auto median = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), median, values.end(), std::greater<>());
  return *median;
}

template <typename Acked>
uint64_t JointAcked(const std::vector<PeerId>& incoming, const std::vector<PeerId>& outgoing,
                    const Acked& acked) {
  if (Planted(Bug::kJointHalfCounts)) return MajorityAcked(incoming, acked);
  return std::min(MajorityAcked(incoming, acked), MajorityAcked(outgoing, acked));
}

// `vote(PeerId)` yields an optional bool: granted, refused, or not heard of.
template <typename Vote>
VoteResult MajorityVote(const std::vector<PeerId>& voters, const Vote& vote) {
  if (voters.empty()) return VoteResult::kWon;
  size_t granted = 0;
  size_t missing = 0;
  for (PeerId voter : voters) {
    std::optional<bool> answer = vote(voter);
    if (!answer.has_value()) {
      ++missing;
    } else if (*answer) {
      ++granted;
    }
  }
  const size_t quorum = voters.size() / 2 + 1;
  if (granted >= quorum) return VoteResult::kWon;
  return granted + missing >= quorum ? VoteResult::kPending : VoteResult::kLost;
}

template <typename Vote>
VoteResult JointVote(const std::vector<PeerId>& incoming, const std::vector<PeerId>& outgoing,
                     const Vote& vote) {
  VoteResult a = MajorityVote(incoming, vote);
  VoteResult b = MajorityVote(outgoing, vote);
  if (Planted(Bug::kJointHalfCounts)) return a;
  if (a == b) return a;
  // One lost half loses the whole; otherwise one of the two is still open.
  if (a == VoteResult::kLost || b == VoteResult::kLost) return VoteResult::kLost;
  return VoteResult::kPending;
}

}  // namespace flotilla::raft

#endif  // FLOTILLA_COMMON_RAFT_QUORUM_H_
