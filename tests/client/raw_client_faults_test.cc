// What the client makes of each refusal and of broken connections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/client_harness.h"

namespace flotilla::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ClientHarness;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Script;

class FaultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(harness_.Put("k", "old").ok());
    harness_.cluster().ClearRequests();
  }
  testing::FakeCluster& cluster() { return harness_.cluster(); }
  // Refuses the next request, at whichever store, and expects a put to go through all the same.
  void RefuseOnce(const errorpb::Error& error) {
    cluster().AddScript(0, error);
    const absl::Status status = harness_.Put("k", "new");
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(**harness_.Get("k"), "new");
  }
  static Script Broken(absl::Status status, bool apply_first) {
    Script script;
    script.rpc_error = std::move(status);
    script.apply_first = apply_first;
    return script;
  }

  ClientHarness harness_;
};

TEST_F(FaultsTest, NotLeaderWithAHintIsFollowedAtOnce) {
  cluster().TransferLeader(1, 3);
  EXPECT_TRUE(harness_.Put("k", "new").ok());
  EXPECT_THAT(cluster().requests(), ElementsAre("RawPut@1", "RawPut@3"));
  EXPECT_EQ(harness_.elapsed(), env::Duration::zero());
  EXPECT_TRUE(harness_.Put("k", "again").ok());
  EXPECT_EQ(cluster().requests().back(), "RawPut@3") << "the leader is remembered";
}

TEST_F(FaultsTest, NotLeaderWithoutAHintAsksTheNextPeerAfterAWait) {
  errorpb::Error error;
  error.mutable_not_leader()->set_region_id(1);
  cluster().TransferLeader(1, 2);
  cluster().AddScript(1, error);
  EXPECT_TRUE(harness_.Put("k", "new").ok());
  EXPECT_THAT(cluster().requests(), ElementsAre("RawPut@1", "RawPut@2"));
  EXPECT_GT(harness_.elapsed(), env::Duration::zero());
}

TEST_F(FaultsTest, AnElectionIsWaitedOut) {
  errorpb::Error error;
  error.mutable_not_leader()->set_region_id(1);
  for (int i = 0; i < 8; ++i) cluster().AddScript(0, error);
  EXPECT_TRUE(harness_.Put("k", "new").ok());
  EXPECT_LT(harness_.elapsed(), seconds(2));
}

TEST_F(FaultsTest, ALeaderThatTheRouteDoesNotHaveMakesItStale) {
  errorpb::Error error;
  error.mutable_not_leader()->mutable_leader()->set_id(999);
  const int before = cluster().pd_calls("pdpb.PD/GetRegion");
  RefuseOnce(error);
  EXPECT_EQ(cluster().pd_calls("pdpb.PD/GetRegion"), before + 1);
}

TEST_F(FaultsTest, TwoStoresThatNameEachOtherAreNotAskedInATightLoop) {
  const metapb::Region region = cluster().region_of("k");
  for (int i = 0; i < 20; ++i) {
    for (const uint64_t store : {1, 2}) {
      errorpb::Error error;
      *error.mutable_not_leader()->mutable_leader() = region.peers(store == 1 ? 1 : 0);
      cluster().AddScript(store, error);
    }
  }
  EXPECT_TRUE(absl::IsDeadlineExceeded(harness_.Get("k", {.timeout = milliseconds(200)}).status()));
  EXPECT_LT(cluster().requests().size(), 20u);
}

TEST_F(FaultsTest, EpochNotMatchRepairsTheCacheFromTheAnswer) {
  cluster().Split("m");
  const int before = cluster().pd_calls("pdpb.PD/GetRegion");
  EXPECT_TRUE(harness_.Put("z", "new").ok());
  EXPECT_THAT(cluster().requests(), ElementsAre("RawPut@1", "RawPut@1"));
  EXPECT_EQ(cluster().pd_calls("pdpb.PD/GetRegion"), before) << "PD need not be asked";
  EXPECT_EQ(harness_.cache().size(), 2u);
  EXPECT_EQ(harness_.elapsed(), env::Duration::zero());
}

TEST_F(FaultsTest, EpochNotMatchWithoutRegionsAsksPd) {
  errorpb::Error error;
  error.mutable_epoch_not_match();
  const int before = cluster().pd_calls("pdpb.PD/GetRegion");
  RefuseOnce(error);
  EXPECT_EQ(cluster().pd_calls("pdpb.PD/GetRegion"), before + 1);
}

TEST_F(FaultsTest, AStoreThatIsBehindIsWaitedForAndTheNewerRouteKept) {
  cluster().Split("m");
  ASSERT_TRUE(harness_.Put("k", "x").ok());
  const RegionEpoch known = harness_.cache().Find(cluster().codec().ToRequestKey("k"))->epoch();
  errorpb::Error error;
  metapb::Region* old = error.mutable_epoch_not_match()->add_current_regions();
  old->set_id(1);
  old->mutable_region_epoch()->set_version(known.version - 1);
  RefuseOnce(error);
  EXPECT_EQ(harness_.cache().Find(cluster().codec().ToRequestKey("k"))->epoch(), known);
  EXPECT_GT(harness_.elapsed(), env::Duration::zero());
}

TEST_F(FaultsTest, RegionNotFoundAsksPd) {
  errorpb::Error error;
  error.mutable_region_not_found()->set_region_id(1);
  const int before = cluster().pd_calls("pdpb.PD/GetRegion");
  RefuseOnce(error);
  EXPECT_EQ(cluster().pd_calls("pdpb.PD/GetRegion"), before + 1);
}

TEST_F(FaultsTest, ServerIsBusyIsWaitedOutAsLongAsItAsks) {
  errorpb::Error error;
  error.mutable_server_is_busy()->set_backoff_ms(1500);
  RefuseOnce(error);
  EXPECT_GE(harness_.elapsed(), milliseconds(1500));
}

TEST_F(FaultsTest, TransientArmsAreTriedAgain) {
  std::vector<errorpb::Error> errors(12);
  errors[0].mutable_key_not_in_region();
  errors[1].mutable_stale_command();
  errors[2].mutable_mismatch_peer_id();
  errors[3].mutable_max_timestamp_not_synced();
  errors[4].mutable_read_index_not_ready();
  errors[5].mutable_proposal_in_merging_mode();
  errors[6].mutable_data_is_not_ready();
  errors[7].mutable_region_not_initialized();
  errors[8].mutable_disk_full();
  errors[9].mutable_recoveryinprogress();
  errors[10].mutable_is_witness();
  errors[11].set_message("some words");
  for (const errorpb::Error& error : errors) {
    SCOPED_TRACE(error.ShortDebugString());
    RefuseOnce(error);
  }
}

TEST_F(FaultsTest, StoreNotMatchFindsTheStoreAtItsNewAddress) {
  cluster().MoveStore(1, "store-1-moved");
  cluster().MoveStore(2, "store-1");  // Another process answers at the old address.
  errorpb::Error error;
  error.mutable_store_not_match()->set_actual_store_id(2);
  cluster().AddScript(2, error);
  EXPECT_TRUE(harness_.Put("k", "new").ok());
  EXPECT_THAT(cluster().requests(), ElementsAre("RawPut@2", "RawPut@1"));
}

TEST_F(FaultsTest, AStoreThatRestartsElsewhereIsFound) {
  cluster().MoveStore(1, "store-1-moved");  // Nothing answers at the old address any more.
  EXPECT_TRUE(harness_.Put("k", "new").ok());
  EXPECT_EQ(cluster().requests().back(), "RawPut@1");
}

TEST_F(FaultsTest, FinalArmsFailAtOnce) {
  errorpb::Error too_large;
  too_large.mutable_raft_entry_too_large()->set_entry_size(9'000'000);
  cluster().AddScript(0, too_large);
  const absl::Status status = harness_.Put("k", "new");
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("9000000"));
  errorpb::Error flashback;
  flashback.mutable_flashbackinprogress();
  cluster().AddScript(0, flashback);
  EXPECT_TRUE(absl::IsFailedPrecondition(harness_.Put("k", "new")));
  EXPECT_EQ(cluster().requests().size(), 2u);
}

TEST_F(FaultsTest, TheUndeterminedArmIsUndetermined) {
  errorpb::Error error;
  error.mutable_undetermined_result()->set_message("the log may hold it");
  cluster().AddScript(0, error);
  const absl::Status status = harness_.Put("k", "new");
  EXPECT_TRUE(IsUndetermined(status)) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("the log may hold it"));
}

TEST_F(FaultsTest, AfterADeadStoreTheOthersAreAsked) {
  cluster().StopStore(1);
  cluster().TransferLeader(1, 2);
  EXPECT_TRUE(harness_.Put("k", "new").ok());
  EXPECT_LT(harness_.elapsed(), seconds(1));
  EXPECT_TRUE(harness_.Get("k").ok());
  EXPECT_EQ(cluster().requests().back(), "RawGet@2");
}

TEST_F(FaultsTest, AWriteUnderABrokenConnectionIsUndeterminedAtOnce) {
  const std::vector<std::function<absl::Status()>> writes = {
      [&] { return harness_.Put("k", "new"); },
      [&] { return harness_.Delete("k"); },
      [&] {
        return harness_.BatchPut({{"k", "new"}});
      },
      [&] { return harness_.BatchDelete({"k"}); },
      [&] {
        return harness_.DeleteRange({"a", "z"});
      },
      [&] { return harness_.Cas("k", "old", "new").status(); },
  };
  for (const auto& write : writes) {
    for (const absl::Status& error :
         {absl::UnavailableError("reset"), absl::DeadlineExceededError("no answer")}) {
      cluster().TransferLeader(1, 1);
      ASSERT_TRUE(harness_.Put("k", "old").ok());
      cluster().ClearRequests();
      const env::Duration before = harness_.elapsed();
      cluster().AddScript(0, Broken(error, /*apply_first=*/true));
      const absl::Status status = write();
      EXPECT_TRUE(IsUndetermined(status)) << status;
      EXPECT_EQ(cluster().requests().size(), 1u) << cluster().requests().front();
      EXPECT_EQ(harness_.elapsed(), before);
    }
  }
  EXPECT_THAT(harness_.metrics(), HasSubstr("flotilla_client_resent_writes_total 0"));
}

TEST_F(FaultsTest, APutIsSentAgainWhereItsCallerAllowsIt) {
  cluster().AddScript(1, Broken(absl::UnavailableError("reset"), /*apply_first=*/true));
  EXPECT_TRUE(harness_.Put("k", "new", {.resend_unanswered = true}).ok());
  EXPECT_EQ(cluster().requests().size(), 3u) << "broken, NotLeader at the next peer, done";
  cluster().ClearRequests();
  cluster().AddScript(1, Broken(absl::UnavailableError("reset"), /*apply_first=*/true));
  EXPECT_TRUE(harness_.BatchPut({{"k", "newer"}}, {.resend_unanswered = true}).ok());
  EXPECT_EQ(**harness_.Get("k"), "newer");
  EXPECT_THAT(harness_.metrics(), HasSubstr("flotilla_client_resent_writes_total 4"));
}

TEST_F(FaultsTest, APutThatIsSentAgainInVainIsUndetermined) {
  cluster().AddScript(1, Broken(absl::UnavailableError("reset"), /*apply_first=*/true));
  for (const uint64_t store : {1, 2, 3}) {
    for (int i = 0; i < 200; ++i) {
      cluster().AddScript(store,
                          Broken(rpc::MarkNotExecuted(absl::UnavailableError("down")), false));
    }
  }
  const absl::Status status =
      harness_.Put("k", "new", {.timeout = seconds(3), .resend_unanswered = true});
  EXPECT_TRUE(IsUndetermined(status)) << status;
  EXPECT_EQ(cluster().entries().begin()->second.value, "new") << "and indeed it was applied";
}

TEST_F(FaultsTest, APutThatWasNeverSentFailedForCertain) {
  for (const uint64_t store : {1, 2, 3}) cluster().StopStore(store);
  const absl::Status status = harness_.Put("k", "new", {.timeout = seconds(3)});
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_FALSE(IsUndetermined(status));
  EXPECT_LE(harness_.elapsed(), seconds(3));
}

TEST_F(FaultsTest, TheRetryBudgetEndsBeforeTheDeadline) {
  ClientOptions options;
  options.retry_budget = milliseconds(500);
  ClientHarness harness(KeyCodec::V1(), options);
  for (const uint64_t store : {1, 2, 3}) harness.cluster().StopStore(store);
  const absl::Status status = harness.Put("k", "new");
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("the store is stopped"));
  EXPECT_LE(harness.elapsed(), milliseconds(500));
}

TEST_F(FaultsTest, ACasThatMayHaveBeenAppliedIsNeverSentAgain) {
  for (const bool applied : {true, false}) {
    cluster().ClearRequests();
    cluster().AddScript(1, Broken(absl::UnavailableError("reset"), applied));
    const auto result = harness_.Cas("k", "old", "new");
    EXPECT_TRUE(IsUndetermined(result.status())) << result.status();
    EXPECT_EQ(cluster().requests().size(), 1u);
    ASSERT_TRUE(harness_.Put("k", "old").ok());
    cluster().TransferLeader(1, 1);
  }
}

TEST_F(FaultsTest, AWriteThatWasCertainlyNotExecutedIsTriedAgain) {
  const Script not_executed =
      Broken(rpc::MarkNotExecuted(absl::UnavailableError("connecting")), false);
  cluster().AddScript(1, not_executed);
  const auto result = harness_.Cas("k", "old", "new");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->swapped);
  cluster().AddScript(0, not_executed);
  EXPECT_TRUE(harness_.Put("k", "newer").ok());
  EXPECT_THAT(harness_.metrics(), HasSubstr("flotilla_client_resent_writes_total 0"));
}

TEST_F(FaultsTest, AWriteThatTimedOutInTheStoreIsUndetermined) {
  errorpb::Error error;
  error.set_message("Deadline is exceeded");
  cluster().AddScript(0, error);
  EXPECT_TRUE(IsUndetermined(harness_.Cas("k", "old", "new").status()));
  cluster().AddScript(0, error);
  EXPECT_TRUE(IsUndetermined(harness_.Put("k", "new")));
  EXPECT_EQ(cluster().requests().size(), 2u);
}

TEST_F(FaultsTest, ACasFollowsTheLeader) {
  cluster().TransferLeader(1, 2);
  EXPECT_TRUE(harness_.Cas("k", "old", "new")->swapped);
}

TEST_F(FaultsTest, AReadIsNeverUndetermined) {
  for (int i = 0; i < 200; ++i) {
    cluster().AddScript(0, Broken(absl::UnavailableError("reset"), false));
  }
  const absl::Status status = harness_.Get("k", {.timeout = seconds(2)}).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_FALSE(IsUndetermined(status));
}

TEST_F(FaultsTest, AnRpcThatTheServerRefusesFailsAtOnce) {
  cluster().AddScript(1, Broken(absl::InvalidArgumentError("cluster id 42, not 7"), false));
  const absl::Status status = harness_.Put("k", "new");
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(cluster().requests().size(), 1u);
}

TEST_F(FaultsTest, PdMayBeAwayForAWhile) {
  harness_.cache().Clear();
  for (int i = 0; i < 5; ++i) cluster().AddPdError(absl::UnavailableError("no PD leader"));
  EXPECT_TRUE(harness_.Put("k", "new").ok());
  harness_.cache().Clear();
  for (int i = 0; i < 50; ++i) cluster().AddPdError(absl::UnavailableError("no PD leader"));
  const absl::Status status = harness_.Put("k", "newer", {.timeout = seconds(1)});
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("no PD leader"));
}

// A leader that dies while PD is away: its peers are asked in turn until one of them leads,
// although the route was given up when all had refused once, and the stores' addresses are in
// doubt.
TEST_F(FaultsTest, WithoutPdWhatWasKnownLastIsTried) {
  errorpb::Error no_leader;
  no_leader.mutable_not_leader()->set_region_id(1);
  // All stores are asked once: their addresses are known.
  for (int i = 0; i < 3; ++i) cluster().AddScript(0, no_leader);
  ASSERT_TRUE(harness_.Put("k", "before").ok());
  for (int i = 0; i < 50; ++i) cluster().AddPdError(absl::UnavailableError("no PD leader"));
  for (int i = 0; i < 8; ++i) cluster().AddScript(0, no_leader);
  const absl::Status status = harness_.Put("k", "new");
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(harness_.Get("k")->value_or(""), "new");
}

TEST_F(FaultsTest, ARouteOfPdsThatIsOldIsRepairedByTheStore) {
  cluster().FreezePd();
  cluster().Split("m");
  harness_.cache().Clear();
  EXPECT_TRUE(harness_.Put("z", "new").ok());
  EXPECT_TRUE(harness_.Put("a", "new").ok());
}

// The cache knows the one half, nobody the other but the store: a scan must not end at the border.
TEST_F(FaultsTest, AScanPassesOverNothingWhilePdHasNotHeardOfASplit) {
  RawClient::Pairs pairs = {{"b", "1"}, {"c", "2"}, {"x", "3"}, {"y", "4"}};
  for (const bool reverse : {false, true}) {
    ClientHarness harness;
    ASSERT_TRUE(harness.BatchPut(pairs).ok());
    harness.cluster().FreezePd();
    harness.cluster().Split("m");
    ASSERT_TRUE(harness.Get("b").ok());
    const std::string split_off = harness.cluster().codec().ToRequestKey("x");
    ASSERT_NE(harness.cache().Find(split_off), nullptr);
    harness.cache().Invalidate(*harness.cache().Find(split_off));
    const auto scanned = harness.Scan({"", ""}, {.reverse = reverse});
    ASSERT_TRUE(scanned.ok()) << scanned.status();
    EXPECT_EQ(scanned->size(), pairs.size());
    EXPECT_EQ(harness.Get("y")->value_or("nothing"), "4");
  }
}

TEST_F(FaultsTest, AReverseScanFromABorderAsksForTheRegionBelow) {
  cluster().Split("k1");
  harness_.cache().Clear();
  EXPECT_EQ(harness_.Scan({"", "k1"}, {.reverse = true})->size(), 1u);
  EXPECT_EQ(cluster().pd_calls("pdpb.PD/GetPrevRegion"), 1);
}

TEST_F(FaultsTest, ASplitInTheMiddleOfAScanLosesNothing) {
  ClientOptions options;
  options.scan_page_rows = 4;
  for (const bool reverse : {false, true}) {
    ClientHarness harness(KeyCodec::V2(KeyspaceId(7)), options);
    RawClient::Pairs pairs;
    for (int i = 0; i < 40; ++i) pairs.push_back({"k" + std::to_string(10 + i), "v"});
    ASSERT_TRUE(harness.BatchPut(pairs).ok());
    for (const char* border : {"k20", "k33", "k12", "k48"}) {
      Script script;
      script.before = [&harness, border] { harness.cluster().Split(border); };
      harness.cluster().AddScript(0, Script());
      harness.cluster().AddScript(0, script);
    }
    const auto scanned = harness.Scan({"", ""}, {.reverse = reverse});
    ASSERT_TRUE(scanned.ok()) << scanned.status();
    if (reverse) std::reverse(pairs.begin(), pairs.end());
    EXPECT_EQ(*scanned, pairs);
    EXPECT_EQ(harness.cache().size(), 5u);
  }
}

TEST_F(FaultsTest, ASplitUnderABatchSendsEachPartWhereItBelongs) {
  RawClient::Pairs pairs;
  for (int i = 0; i < 40; ++i) pairs.push_back({"k" + std::to_string(10 + i), "v"});
  for (const char* border : {"k20", "k33", "k12"}) {
    Script script;
    script.before = [this, border] { cluster().Split(border); };
    cluster().AddScript(0, script);
  }
  EXPECT_TRUE(harness_.BatchPut(pairs).ok());
  EXPECT_EQ(cluster().entries().size(), 41u);
  std::vector<std::string> keys;
  for (const KeyValue& pair : pairs) keys.push_back(pair.key);
  Script script;
  script.before = [this] { cluster().Split("k40"); };
  cluster().AddScript(0, script);
  EXPECT_EQ(*harness_.BatchGet(keys), pairs);
  EXPECT_TRUE(harness_.DeleteRange({"k10", "k49"}).ok());
  EXPECT_EQ(cluster().entries().size(), 2u) << "k and k49";
}

TEST_F(FaultsTest, APartOfABatchThatFailsFailsTheBatch) {
  cluster().Split("m");
  errorpb::Error error;
  error.mutable_raft_entry_too_large();
  cluster().AddScript(0, error);
  EXPECT_TRUE(absl::IsInvalidArgument(harness_.BatchPut({{"a", "1"}, {"z", "2"}})));
}

TEST_F(FaultsTest, TooManyInFlightAreRefused) {
  ClientOptions options;
  options.max_in_flight = 2;
  ClientHarness harness(KeyCodec::V1(), options);
  for (const uint64_t store : {1, 2, 3}) harness.cluster().StopStore(store);
  int answered = 0;
  const auto count = [&](absl::Status) { ++answered; };
  harness.client().PutAsync("a", "", {}, count);
  harness.client().PutAsync("b", "", {}, count);
  EXPECT_EQ(answered, 0);
  EXPECT_TRUE(absl::IsResourceExhausted(harness.Put("c", "")));
  for (const uint64_t store : {1, 2, 3}) harness.cluster().StartStore(store);
  while (answered < 2) harness.Step();
  EXPECT_TRUE(harness.Put("c", "").ok());
}

TEST_F(FaultsTest, MetricsTellWhatHappened) {
  cluster().TransferLeader(1, 3);
  ASSERT_TRUE(harness_.Put("k", "new").ok());
  cluster().AddScript(0, Broken(absl::UnavailableError("reset"), false));
  harness_.Cas("k", "x", "y").IgnoreError();
  const std::string text = harness_.metrics();
  EXPECT_THAT(text,
              HasSubstr("flotilla_client_operations_total{operation=\"put\",result=\"ok\"} 2"));
  EXPECT_THAT(text, HasSubstr("operation=\"compare_and_swap\",result=\"undetermined\"} 1"));
  EXPECT_THAT(text, HasSubstr("flotilla_client_refusals_total{cause=\"not_leader\"} 1"));
  EXPECT_THAT(text, HasSubstr("flotilla_client_refusals_total{cause=\"rpc\"} 1"));
}

}  // namespace
}  // namespace flotilla::client
