// Quorum arithmetic against definitions that are too slow to use and too simple to be wrong.
#include "common/raft/quorum.h"

#include <map>
#include <optional>
#include <vector>

#include "common/env/random.h"
#include "gtest/gtest.h"

namespace flotilla::raft {
namespace {

using Voters = std::vector<PeerId>;

Voters DrawVoters(env::Random& random) {
  Voters voters;
  for (uint64_t id = 1; id <= 9; ++id) {
    if (random.Chance(0.5)) voters.emplace_back(id);
  }
  return voters;
}

// "The largest index such that more than half have reached it", word by word.
uint64_t NaiveMajority(const Voters& voters, const std::map<PeerId, uint64_t>& acked) {
  if (voters.empty()) return kUnlimitedQuorum;
  for (uint64_t index = 20;; --index) {
    size_t reached = 0;
    for (PeerId voter : voters) {
      auto it = acked.find(voter);
      if (index == 0 || (it != acked.end() && it->second >= index)) ++reached;
    }
    if (2 * reached > voters.size()) return index;
  }
}

// Won or lost when no answer of those who have not voted could change it.
VoteResult NaiveVote(const Voters& a, const Voters& b, const std::map<PeerId, bool>& votes) {
  auto wins = [&votes](const Voters& voters, bool others) {
    size_t granted = 0;
    for (PeerId voter : voters) {
      auto it = votes.find(voter);
      if (it == votes.end() ? others : it->second) ++granted;
    }
    return voters.empty() || 2 * granted > voters.size();
  };
  if (wins(a, false) && wins(b, false)) return VoteResult::kWon;
  return wins(a, true) && wins(b, true) ? VoteResult::kPending : VoteResult::kLost;
}

TEST(QuorumTest, AcknowledgedIndexEqualsTheDefinition) {
  env::Random random(20261120);
  for (int round = 0; round < 5000; ++round) {
    const Voters incoming = DrawVoters(random);
    const Voters outgoing = DrawVoters(random);
    std::map<PeerId, uint64_t> acked;
    for (uint64_t id = 1; id <= 9; ++id) {
      if (random.Chance(0.7)) acked[PeerId(id)] = random.Uniform(20);
    }
    auto lookup = [&acked](PeerId peer) -> std::optional<uint64_t> {
      auto it = acked.find(peer);
      return it == acked.end() ? std::nullopt : std::optional<uint64_t>(it->second);
    };
    ASSERT_EQ(MajorityAcked(incoming, lookup), NaiveMajority(incoming, acked));
    ASSERT_EQ(JointAcked(incoming, outgoing, lookup),
              std::min(NaiveMajority(incoming, acked), NaiveMajority(outgoing, acked)));
    ASSERT_EQ(JointAcked(incoming, incoming, lookup), MajorityAcked(incoming, lookup));
  }
}

TEST(QuorumTest, VoteResultEqualsTheDefinition) {
  env::Random random(4711);
  int seen[3] = {};
  for (int round = 0; round < 5000; ++round) {
    const Voters incoming = DrawVoters(random);
    const Voters outgoing = random.Chance(0.5) ? DrawVoters(random) : Voters();
    std::map<PeerId, bool> votes;
    for (uint64_t id = 1; id <= 9; ++id) {
      if (random.Chance(0.6)) votes[PeerId(id)] = random.Chance(0.6);
    }
    auto lookup = [&votes](PeerId peer) -> std::optional<bool> {
      auto it = votes.find(peer);
      return it == votes.end() ? std::nullopt : std::optional<bool>(it->second);
    };
    const VoteResult result = JointVote(incoming, outgoing, lookup);
    ASSERT_EQ(result, NaiveVote(incoming, outgoing, votes));
    ASSERT_EQ(result, JointVote(outgoing, incoming, lookup));
    ++seen[static_cast<int>(result)];
  }
  for (int count : seen) EXPECT_GT(count, 100);
}

// Thesis 4.1: quorums of configurations one voter apart overlap; this is what makes changes safe.
TEST(QuorumTest, QuorumsOneVoterApartOverlap) {
  for (uint64_t size = 1; size <= 6; ++size) {
    Voters before;
    for (uint64_t id = 1; id <= size; ++id) before.emplace_back(id);
    Voters after = before;
    after.emplace_back(size + 1);
    // Two disjoint sets of voters, one winning before, the other after: there must be none.
    for (uint64_t mask = 0; mask < (1u << (size + 1)); ++mask) {
      auto in = [mask](PeerId peer) -> std::optional<bool> {
        return ((mask >> (peer.value() - 1)) & 1) != 0;
      };
      auto out = [&in](PeerId peer) -> std::optional<bool> { return !*in(peer); };
      const bool both = MajorityVote(before, in) == VoteResult::kWon &&
                        MajorityVote(after, out) == VoteResult::kWon;
      EXPECT_FALSE(both) << size << " voters, set " << mask;
    }
  }
}

}  // namespace
}  // namespace flotilla::raft
