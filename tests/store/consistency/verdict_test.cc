#include "store/consistency/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Reports = std::map<PeerId, HashReport>;

constexpr auto kAgrees = ReplicaVerdict::kAgrees;
constexpr auto kDiffers = ReplicaVerdict::kDiffers;
constexpr auto kNotCompared = ReplicaVerdict::kNotCompared;

metapb::Region RegionOf(int peers) {
  metapb::Region region;
  region.set_id(7);
  region.set_start_key("a");
  region.set_end_key("b");
  for (int i = 1; i <= peers; ++i) {
    metapb::Peer* peer = region.add_peers();
    peer->set_id(static_cast<uint64_t>(10 + i));
    peer->set_store_id(static_cast<uint64_t>(i));
  }
  return region;
}

HashReport Report(uint64_t hash, Index at = Index(12)) {
  return {.check_id = 1, .at = at, .computed = true, .hash = hash, .keys = 3};
}

// The hashes of peers 11, 12 ...; 0: it did not answer.
Comparison CompareHashes(const std::vector<uint64_t>& hashes) {
  Reports reports;
  for (size_t i = 0; i < hashes.size(); ++i) {
    if (hashes[i] != 0) reports[PeerId(11 + i)] = Report(hashes[i]);
  }
  return Compare(RegionOf(static_cast<int>(hashes.size())), Index(12), reports);
}

std::vector<ReplicaVerdict> Verdicts(const Comparison& comparison) {
  std::vector<ReplicaVerdict> verdicts;
  for (const ComparedReplica& replica : comparison.replicas) verdicts.push_back(replica.verdict);
  return verdicts;
}

TEST(VerdictTest, AllHoldTheSame) {
  const Comparison comparison = CompareHashes({5, 5, 5});
  EXPECT_EQ(comparison.agreement, Agreement::kEqual);
  EXPECT_THAT(Verdicts(comparison), ElementsAre(kAgrees, kAgrees, kAgrees));
  EXPECT_EQ(CompareHashes({5}).agreement, Agreement::kEqual);
}

TEST(VerdictTest, OneAgainstAMajority) {
  const Comparison comparison = CompareHashes({5, 6, 5});
  EXPECT_EQ(comparison.agreement, Agreement::kDiffers);
  EXPECT_TRUE(comparison.has_majority);
  EXPECT_THAT(Verdicts(comparison), ElementsAre(kAgrees, kDiffers, kAgrees));
  EXPECT_THAT(Describe(comparison), HasSubstr("region 7 [a, b) at entry 12: the replica on store 2 "
                                              "differs from those on stores 1, 3, which agree"));
}

TEST(VerdictTest, WithoutAMajorityNobodyIsRight) {
  for (const std::vector<uint64_t>& hashes :
       {std::vector<uint64_t>{5, 6}, {5, 6, 7}, {5, 6, 0}, {5, 5, 6, 6}}) {
    const Comparison comparison = CompareHashes(hashes);
    EXPECT_EQ(comparison.agreement, Agreement::kDiffers);
    EXPECT_FALSE(comparison.has_majority);
    for (size_t i = 0; i < hashes.size(); ++i) {
      EXPECT_EQ(comparison.replicas[i].verdict, hashes[i] == 0 ? kNotCompared : kDiffers);
    }
  }
}

TEST(VerdictTest, WhoDoesNotAnswerIsNotEqual) {
  const Comparison comparison = CompareHashes({5, 5, 0});
  EXPECT_EQ(comparison.agreement, Agreement::kIncomplete);
  EXPECT_THAT(Verdicts(comparison), ElementsAre(kAgrees, kAgrees, kNotCompared));
  EXPECT_EQ(CompareHashes({0, 0, 0}).agreement, Agreement::kIncomplete);
  EXPECT_THAT(Describe(comparison), HasSubstr("not compared: store 3"));
}

TEST(VerdictTest, WhoHadNoTimeOrHashedAnotherEntryWasNotCompared) {
  Reports reports{{PeerId(11), Report(5)},
                  {PeerId(12), Report(6, Index(11))},
                  {PeerId(13), {.check_id = 1, .at = Index(12)}}};
  const Comparison comparison = Compare(RegionOf(3), Index(12), reports);
  EXPECT_EQ(comparison.agreement, Agreement::kIncomplete);
  EXPECT_THAT(Verdicts(comparison), ElementsAre(kAgrees, kNotCompared, kNotCompared));
}

}  // namespace
}  // namespace flotilla::store
