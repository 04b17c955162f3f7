// Bugs that are planted on purpose, so that the harness can show that it finds them
// (docs/simulation.md, "Planted bugs"; tests/planted/catalogue.cc says what is wrong with each).
//
// Only a build with -DFLOTILLA_PLANTED_BUGS=ON holds them; in all others Planted is false while
// compiling, and nothing remains of the places that ask. That build makes no programs of servers.
#ifndef FLOTILLA_COMMON_BASE_PLANTED_BUGS_H_
#define FLOTILLA_COMMON_BASE_PLANTED_BUGS_H_

#include <cstdint>

namespace flotilla {

enum class Bug : uint8_t {
  kNone,
  // The Raft core.
  kVoteForOlderLog,
  kVoteTwice,
  kVoteDespiteLeader,
  kCommitOlderTerm,
  kConflictKept,
  kOldAppendTruncates,
  kHeartbeatCommit,
  kJointHalfCounts,
  kTwoConfChanges,
  kCampaignBeforeConf,
  kSnapshotWithoutConf,
  kStaleSnapshot,
  kReadWithoutOwnTerm,
  kReadWithoutQuorum,
  // The host.
  kTermNotDurable,
  kVoteNotDurable,
  kAckBeforeSync,
  kSyncErrorIgnored,
  kDamageServed,
  kVoteAfterRestart,
  kMembersNotDurable,
  kLogCutAboveFlush,
  kReadBeforeApplied,
  kLeaseTooLong,
  kLeaseOutlivesTransfer,
  kLeaseWithoutQuorum,
  // The store.
  kAppliedLags,
  kCasNotAtomic,
  kWriteBehindSplit,
  kReadBehindRemoval,
  kSplitKeepsVersion,
  kChangeKeepsConfVer,
  kChildKeepsPeers,
  kTombstoneForgotten,
  kRemovedPeerStays,
  kRemovedDataStay,
  kChildLostWithLog,
  kSnapshotOverOldData,
  kEpochNotChecked,
  kTtlIgnored,
  kDeleteRangeInclusive,
  kReplicaDiffers,
  // PD.
  kTsoSavedAfterUse,
  kTsoFromWallClock,
  kOlderReportTaken,
  kIdsTwice,
  kPdServesWithoutLease,
  // The client.
  kWriteSentAgain,
  kBatchHalfFailed,
  kScanSkipsBoundary,
  kCount,
};

#ifdef FLOTILLA_PLANTED_BUGS
bool Planted(Bug bug);
// From now on `bug`, and no other, is there. Before any thread runs.
void Plant(Bug bug);
#else
consteval bool Planted(Bug /*bug*/) { return false; }
#endif

}  // namespace flotilla

#endif  // FLOTILLA_COMMON_BASE_PLANTED_BUGS_H_
