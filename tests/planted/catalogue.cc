#include "tests/planted/catalogue.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

namespace flotilla::planted {
namespace {

constexpr std::string_view kCore = "raft-sim";
constexpr std::string_view kCluster = "flotilla-sim";

constexpr auto kCatalogue = std::to_array<PlantedBug>({
    // The Raft core.
    {Bug::kVoteForOlderLog, "vote-for-older-log",
     "a voter does not look whether the candidate's log is as new as its own", kCore, 100},
    {Bug::kVoteTwice, "vote-twice", "a voter votes for another candidate in the same term", kCore,
     100},
    {Bug::kVoteDespiteLeader, "vote-despite-leader",
     "who hears of a leader helps to depose it all the same", kCore, 1000},
    {Bug::kCommitOlderTerm, "commit-older-term",
     "an entry of an older term is committed by being counted", kCore, 100},
    {Bug::kConflictKept, "conflict-kept",
     "a follower keeps entries that conflict with the leader's", kCore, 100},
    {Bug::kOldAppendTruncates, "old-append-truncates",
     "an append that comes late cuts off what followed it", kCore, 100},
    {Bug::kHeartbeatCommit, "heartbeat-commit",
     "a heartbeat tells commits of entries that its receiver need not hold", kCore, 100},
    {Bug::kJointHalfCounts, "joint-half-counts",
     "of a joint configuration only the new half is asked", kCore, 100},
    {Bug::kTwoConfChanges, "two-conf-changes",
     "a change of members is proposed while another one is pending", kCore, 100},
    {Bug::kCampaignBeforeConf, "campaign-before-conf",
     "a peer campaigns before it has applied a committed change of members", kCore, 1000},
    {Bug::kSnapshotWithoutConf, "snapshot-without-conf",
     "who takes a snapshot keeps its old members", kCore, 100},
    {Bug::kStaleSnapshot, "stale-snapshot", "a snapshot from before the commit index is taken",
     kCore, 200},
    {Bug::kReadWithoutOwnTerm, "read-without-own-term",
     "a new leader answers reads before it has committed in its term", kCore, 100},
    {Bug::kReadWithoutQuorum, "read-without-quorum",
     "a leader answers reads without asking a quorum whether it still leads", kCore, 1000},
    // The host.
    {Bug::kTermNotDurable, "term-not-durable", "terms, votes and commits are not written", kCluster,
     100},
    {Bug::kVoteNotDurable, "vote-not-durable", "votes are not written", kCluster, 100},
    {Bug::kAckBeforeSync, "ack-before-sync",
     "votes and acknowledgements leave before the log is written", kCluster, 100},
    {Bug::kSyncErrorIgnored, "sync-error-ignored",
     "a failed sync of the log is taken for a success", kCluster, 100},
    {Bug::kDamageServed, "damage-served",
     "what is read of a log or of data is not compared with its checksum", kCluster, 300},
    {Bug::kVoteAfterRestart, "vote-after-restart",
     "who was restarted votes at once, though it may have promised a lease", kCore, 1000},
    {Bug::kMembersNotDurable, "members-not-durable",
     "the commit that covers a change of members is not durable", kCluster, 200},
    {Bug::kLogCutAboveFlush, "log-cut-above-flush",
     "logs are cut above what is flushed of the data", kCluster, 100},
    {Bug::kReadBeforeApplied, "read-before-applied",
     "a read does not wait until its index is applied", kCluster, 200},
    {Bug::kLeaseTooLong, "lease-too-long", "a lease lasts three times too long", kCluster, 100},
    {Bug::kLeaseOutlivesTransfer, "lease-outlives-transfer",
     "a leader keeps its lease when it hands its leadership over", kCluster, 200},
    {Bug::kLeaseWithoutQuorum, "lease-without-quorum",
     "a leader has a lease from its heartbeats' leaving on", kCluster, 100},
    // The store.
    {Bug::kAppliedLags, "applied-lags", "the applied position is not always written with the data",
     kCluster, 100},
    {Bug::kCasNotAtomic, "cas-not-atomic", "compare-and-swap reads past the commands before it",
     kCluster, 100},
    {Bug::kWriteBehindSplit, "write-behind-split",
     "a write that was proposed before a split is applied behind it", kCluster, 300},
    {Bug::kReadBehindRemoval, "read-behind-removal",
     "a read does not look whether its region changed or went meanwhile", kCluster, 500},
    {Bug::kSplitKeepsVersion, "split-keeps-version", "a split does not raise the version", kCluster,
     100},
    {Bug::kChangeKeepsConfVer, "change-keeps-conf-ver",
     "a change of members does not raise the epoch", kCluster, 100},
    {Bug::kChildKeepsPeers, "child-keeps-peers", "the child of a split has its parent's peers' ids",
     kCluster, 100},
    {Bug::kTombstoneForgotten, "tombstone-forgotten",
     "an old message makes a peer again that was removed", kCluster, 500},
    {Bug::kRemovedPeerStays, "removed-peer-stays",
     "a peer goes on that applied its own removal or was told of it", kCluster, 100},
    {Bug::kRemovedDataStay, "removed-data-stay", "a removed peer leaves its keys behind", kCluster,
     300},
    {Bug::kChildLostWithLog, "child-lost-with-log",
     "a region's log is cleared that has to make a child again", kCluster, 500},
    {Bug::kSnapshotOverOldData, "snapshot-over-old-data",
     "a snapshot is installed over what was there", kCluster, 100},
    {Bug::kEpochNotChecked, "epoch-not-checked",
     "a store answers requests by routes from before a split", kCluster, 100},
    {Bug::kTtlIgnored, "ttl-ignored", "a read finds values whose time is over", kCluster, 100},
    {Bug::kDeleteRangeInclusive, "delete-range-inclusive",
     "the deletion of a range takes its end with it", kCluster, 100},
    {Bug::kReplicaDiffers, "replica-differs", "one store leaves out a write now and then", kCluster,
     100},
    // PD.
    {Bug::kTsoSavedAfterUse, "tso-saved-after-use",
     "timestamps are given out before their limit is saved", kCluster, 200},
    {Bug::kTsoFromWallClock, "tso-from-wall-clock",
     "timestamps begin with the wall clock, not behind the saved limit", kCluster, 100},
    {Bug::kOlderReportTaken, "older-report-taken", "PD takes older reports of regions", kCluster,
     300},
    {Bug::kIdsTwice, "ids-twice", "a reservation of ids begins with the last one of the one before",
     kCluster, 100},
    {Bug::kPdServesWithoutLease, "pd-serves-without-lease",
     "a leader of PD answers without a lease", kCluster, 100},
    // The client.
    {Bug::kWriteSentAgain, "write-sent-again", "a write is sent again whose answer did not come",
     kCluster, 300},
    {Bug::kBatchHalfFailed, "batch-half-failed",
     "a batch is acknowledged though a part of it failed", kCluster, 100},
    {Bug::kScanSkipsBoundary, "scan-skips-boundary",
     "a scan misses the first key of the next region", kCluster, 100},
});

static_assert(kCatalogue.size() == static_cast<size_t>(Bug::kCount) - 1);

}  // namespace

std::span<const PlantedBug> Catalogue() { return kCatalogue; }

std::string CatalogueText() {
  std::string text;
  for (const PlantedBug& bug : kCatalogue) {
    text += fmt::format("{}\t{}\t{}\t{}\n", bug.name, bug.finder, bug.seeds, bug.what);
  }
  return text;
}

absl::Status PlantByName(std::string_view name) {
  const auto found = std::find_if(kCatalogue.begin(), kCatalogue.end(),
                                  [name](const PlantedBug& bug) { return bug.name == name; });
  if (found == kCatalogue.end()) {
    return absl::InvalidArgumentError(
        fmt::format("there is no planted bug {}; --planted-list names them", name));
  }
#ifdef FLOTILLA_PLANTED_BUGS
  Plant(found->bug);
  return absl::OkStatus();
#else
  return absl::FailedPreconditionError(
      "this build holds no planted bugs: configure one with -DFLOTILLA_PLANTED_BUGS=ON, as "
      "tests/planted/run does");
#endif
}

}  // namespace flotilla::planted
