// What each call means, on one region that this store leads by a lease, with a replicator that
// applies at once.
#include "store/kv/kv_api.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "common/base/checksum.h"
#include "common/errors/region_error.h"
#include "store/kv/command.h"
#include "store/kv/value_format.h"
#include "tests/store/kv/direct_region.h"

namespace flotilla::store {
namespace {

constexpr uint64_t kRegion = DirectRegion::kRegion;
constexpr uint64_t kStore = DirectRegion::kStore;
constexpr uint64_t kPeer = DirectRegion::kPeer;
constexpr uint64_t kCluster = DirectRegion::kCluster;

class KvApiTest : public ::testing::Test {
 protected:
  void UseApi(ApiVersion version) { region_.UseApi(version); }

  template <typename Request>
  Request Make() const {
    Request request;
    region_.FillContext(request.mutable_context());
    return request;
  }

  template <typename Request, typename Response>
  Response Call(const Request& request,
                void (KvApi::*method)(const Request&, Response*, rpc::Done)) {
    Response response;
    int answers = 0;
    (region_.api.get()->*method)(request, &response, [&](absl::Status status) {
      rpc_status_ = std::move(status);
      ++answers;
    });
    EXPECT_EQ(answers, 1);
    return response;
  }

  kvrpcpb::RawPutResponse Put(const std::string& key, const std::string& value, uint64_t ttl = 0) {
    auto request = Make<kvrpcpb::RawPutRequest>();
    request.set_key(key);
    request.set_value(value);
    request.set_ttl(ttl);
    return Call(request, &KvApi::RawPut);
  }
  kvrpcpb::RawGetResponse Get(const std::string& key) {
    auto request = Make<kvrpcpb::RawGetRequest>();
    request.set_key(key);
    return Call(request, &KvApi::RawGet);
  }
  kvrpcpb::RawScanRequest ScanRequest(const std::string& start, const std::string& end,
                                      uint32_t limit) {
    auto request = Make<kvrpcpb::RawScanRequest>();
    request.set_start_key(start);
    request.set_end_key(end);
    request.set_limit(limit);
    return request;
  }
  std::string Keys(const kvrpcpb::RawScanResponse& response) {
    std::string keys;
    for (const auto& pair : response.kvs()) keys += pair.key() + " ";
    return keys;
  }

  DirectRegion region_{ApiVersion::kV1};
  absl::Status rpc_status_;
};

TEST_F(KvApiTest, PutGetDelete) {
  EXPECT_TRUE(Get("c").not_found());
  EXPECT_EQ(Put("c", "v").ByteSizeLong(), 0u);
  EXPECT_EQ(Get("c").value(), "v");
  EXPECT_FALSE(Get("c").not_found());
  Put("c", "");
  EXPECT_EQ(Get("c").value(), "");
  EXPECT_FALSE(Get("c").not_found()) << "an empty value is a value";
  auto request = Make<kvrpcpb::RawDeleteRequest>();
  request.set_key("c");
  EXPECT_FALSE(Call(request, &KvApi::RawDelete).has_region_error());
  EXPECT_TRUE(Get("c").not_found());
  EXPECT_EQ(region_.replicator.reads, 0) << "the lease answers reads";
}

TEST_F(KvApiTest, WithoutALeaseReadsAskTheGroup) {
  Put("c", "v");
  region_.clock.Advance(std::chrono::seconds(2));
  EXPECT_EQ(Get("c").value(), "v");
  EXPECT_EQ(region_.replicator.reads, 1);
  region_.published->leader = 53;
  EXPECT_TRUE(Get("c").region_error().has_not_leader());
  auto request = Make<kvrpcpb::RawGetRequest>();
  request.mutable_context()->set_replica_read(true);
  request.set_key("c");
  EXPECT_EQ(Call(request, &KvApi::RawGet).value(), "v");
  request.mutable_context()->set_stale_read(true);
  EXPECT_TRUE(Call(request, &KvApi::RawGet).region_error().has_data_is_not_ready());
}

TEST_F(KvApiTest, AReadIsRefusedWhileTheIndexIsBehindTheEngine) {
  Put("c", "v");
  region_.published->Publish(4);
  const auto response = Get("c");
  EXPECT_TRUE(response.has_region_error()) << response.DebugString();
  EXPECT_EQ(response.value(), "");
}

TEST_F(KvApiTest, MisdirectedRequestsAreTold) {
  const auto error_of = [this](auto change) {
    auto request = Make<kvrpcpb::RawGetRequest>();
    request.set_key("c");
    change(*request.mutable_context());
    return Call(request, &KvApi::RawGet).region_error();
  };
  EXPECT_TRUE(error_of([](auto& c) { c.set_region_id(6); }).has_region_not_found());
  const auto store = error_of([](auto& c) { c.mutable_peer()->set_store_id(9); });
  EXPECT_EQ(store.store_not_match().actual_store_id(), kStore);
  const auto peer = error_of([](auto& c) { c.mutable_peer()->set_id(9); });
  EXPECT_EQ(peer.mismatch_peer_id().store_peer_id(), kPeer);
  const auto epoch = error_of([](auto& c) { c.mutable_region_epoch()->set_version(2); });
  EXPECT_EQ(epoch.epoch_not_match().current_regions_size(), 1);
  EXPECT_TRUE(
      error_of([](auto& c) { c.mutable_region_epoch()->set_version(4); }).has_epoch_not_match());
  EXPECT_FALSE(
      error_of([](auto& c) { c.mutable_region_epoch()->set_conf_ver(9); }).has_epoch_not_match());
  EXPECT_TRUE(error_of([](auto& c) { c.set_term(3); }).has_stale_command());
  EXPECT_FALSE(error_of([](auto& c) { c.set_term(6); }).has_stale_command());
  EXPECT_TRUE(error_of([](auto& c) { c.Clear(); }).has_store_not_match());
  EXPECT_EQ(Get("a").region_error().key_not_in_region().region_id(), kRegion);
  EXPECT_TRUE(Put("y", "v").region_error().has_key_not_in_region());
}

TEST_F(KvApiTest, AnotherClustersRequestFailsTheCall) {
  auto request = Make<kvrpcpb::RawGetRequest>();
  request.set_key("c");
  request.mutable_context()->set_cluster_id(kCluster);
  Call(request, &KvApi::RawGet);
  EXPECT_TRUE(rpc_status_.ok());
  request.mutable_context()->set_cluster_id(kCluster + 1);
  Call(request, &KvApi::RawGet);
  EXPECT_EQ(rpc_status_.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(KvApiTest, FaultyRequestsAreNamedAndChangeNothing) {
  EXPECT_TRUE(absl::StrContains(Put("", "v").error(), "KeyIsEmpty"));
  EXPECT_TRUE(
      absl::StrContains(Put("c" + std::string(kMaxKeyBytes, 'k'), "v").error(), "KeyTooLarge"));
  EXPECT_EQ(Put("c" + std::string(kMaxKeyBytes - 1, 'k'), "v").error(), "");
  EXPECT_EQ(Put("c", std::string(1 << 20, 'v')).region_error().raft_entry_too_large().region_id(),
            kRegion);
  EXPECT_TRUE(absl::StrContains(Put("c", "v", UINT64_MAX).error(), "TtlTooLarge"));
  auto cf = Make<kvrpcpb::RawGetRequest>();
  cf.set_key("c");
  cf.set_cf("write");
  EXPECT_TRUE(absl::StrContains(Call(cf, &KvApi::RawGet).error(), "InvalidCf"));
  const auto scan = Call(ScanRequest("m", "c", 10), &KvApi::RawScan);
  ASSERT_EQ(scan.kvs_size(), 1);
  EXPECT_TRUE(absl::StrContains(scan.kvs(0).error().abort(), "InvalidRange"));
  auto range = Make<kvrpcpb::RawDeleteRangeRequest>();
  range.set_start_key("m");
  range.set_end_key("c");
  EXPECT_TRUE(absl::StrContains(Call(range, &KvApi::RawDeleteRange).error(), "InvalidRange"));
  auto version = Make<kvrpcpb::RawGetRequest>();
  version.set_key("c");
  version.mutable_context()->set_api_version(kvrpcpb::V2);
  EXPECT_TRUE(absl::StrContains(Call(version, &KvApi::RawGet).error(), "ApiVersionNotMatched"));
  EXPECT_TRUE(Get("c").not_found());
}

TEST_F(KvApiTest, BatchesAreAtomicAndSkipWhatIsMissing) {
  auto put = Make<kvrpcpb::RawBatchPutRequest>();
  for (const char* key : {"c", "d", "e"}) {
    auto* pair = put.add_pairs();
    pair->set_key(key);
    pair->set_value(std::string("v") + key);
  }
  EXPECT_EQ(Call(put, &KvApi::RawBatchPut).ByteSizeLong(), 0u);
  EXPECT_EQ(region_.replicator.proposals, 1);
  auto get = Make<kvrpcpb::RawBatchGetRequest>();
  for (const char* key : {"e", "x", "c"}) get.add_keys(key);
  const auto got = Call(get, &KvApi::RawBatchGet);
  ASSERT_EQ(got.pairs_size(), 2);
  EXPECT_EQ(got.pairs(0).key(), "e");
  EXPECT_EQ(got.pairs(1).value(), "vc");
  // One bad key refuses all.
  put.mutable_pairs(0)->set_value("other");
  put.mutable_pairs(2)->set_key("z");
  EXPECT_TRUE(Call(put, &KvApi::RawBatchPut).region_error().has_key_not_in_region());
  EXPECT_EQ(Get("c").value(), "vc");
  auto remove = Make<kvrpcpb::RawBatchDeleteRequest>();
  remove.add_keys("c");
  remove.add_keys("d");
  Call(remove, &KvApi::RawBatchDelete);
  EXPECT_TRUE(Get("c").not_found());
  EXPECT_EQ(Get("e").value(), "ve");
}

TEST_F(KvApiTest, ScansGoBothWaysWithinTheRegion) {
  for (const char* key : {"c", "d", "e", "f"}) Put(key, std::string("v") + key);
  EXPECT_EQ(Keys(Call(ScanRequest("", "", 10), &KvApi::RawScan)), "c d e f ");
  EXPECT_EQ(Keys(Call(ScanRequest("d", "f", 10), &KvApi::RawScan)), "d e ");
  EXPECT_EQ(Keys(Call(ScanRequest("", "", 2), &KvApi::RawScan)), "c d ");
  EXPECT_EQ(Keys(Call(ScanRequest("", "", 0), &KvApi::RawScan)), "");
  auto reverse = ScanRequest("f", "c", 10);
  reverse.set_reverse(true);
  EXPECT_EQ(Keys(Call(reverse, &KvApi::RawScan)), "e d c ");
  auto keys = ScanRequest("", "", UINT32_MAX);
  keys.set_key_only(true);
  const auto only = Call(keys, &KvApi::RawScan);
  EXPECT_EQ(Keys(only), "c d e f ");
  EXPECT_EQ(only.kvs(0).value(), "");
  auto batch = Make<kvrpcpb::RawBatchScanRequest>();
  batch.add_ranges()->set_start_key("c");
  auto* second = batch.add_ranges();
  second->set_start_key("e");
  second->set_end_key("f");
  batch.set_each_limit(1);
  const auto scanned = Call(batch, &KvApi::RawBatchScan);
  ASSERT_EQ(scanned.kvs_size(), 2);
  EXPECT_EQ(scanned.kvs(0).key(), "c");
  EXPECT_EQ(scanned.kvs(1).key(), "e");
}

TEST_F(KvApiTest, AScanIsRefusedAsAWholeNeverCutShort) {
  for (const char* key : {"c", "d", "e"}) Put(key, std::string(2000, 'v'));
  const auto all = Call(ScanRequest("", "", 10), &KvApi::RawScan);
  ASSERT_EQ(all.kvs_size(), 1);
  EXPECT_TRUE(absl::StrContains(all.kvs(0).error().abort(), "ScanTooLarge"));
  EXPECT_EQ(Call(ScanRequest("", "", 2), &KvApi::RawScan).kvs_size(), 2);
}

TEST_F(KvApiTest, DeleteRangeTakesTheRangeOnly) {
  for (const char* key : {"c", "d", "e"}) Put(key, "v");
  auto range = Make<kvrpcpb::RawDeleteRangeRequest>();
  range.set_start_key("c");
  range.set_end_key("e");
  EXPECT_EQ(Call(range, &KvApi::RawDeleteRange).ByteSizeLong(), 0u);
  EXPECT_EQ(Keys(Call(ScanRequest("", "", 10), &KvApi::RawScan)), "e ");
  range.set_end_key("z");
  EXPECT_TRUE(Call(range, &KvApi::RawDeleteRange).region_error().has_key_not_in_region());
}

TEST_F(KvApiTest, CompareAndSwap) {
  auto cas = Make<kvrpcpb::RawCASRequest>();
  cas.set_key("c");
  cas.set_value("one");
  cas.set_previous_not_exist(true);
  auto response = Call(cas, &KvApi::RawCompareAndSwap);
  EXPECT_TRUE(response.succeed());
  EXPECT_TRUE(response.previous_not_exist());
  EXPECT_TRUE(region_.replicator.last_own_entry);
  response = Call(cas, &KvApi::RawCompareAndSwap);
  EXPECT_FALSE(response.succeed());
  EXPECT_EQ(response.previous_value(), "one");
  cas.set_previous_not_exist(false);
  cas.set_previous_value("other");
  EXPECT_FALSE(Call(cas, &KvApi::RawCompareAndSwap).succeed());
  cas.set_previous_value("one");
  cas.set_value("two");
  EXPECT_TRUE(Call(cas, &KvApi::RawCompareAndSwap).succeed());
  EXPECT_EQ(Get("c").value(), "two");
  cas.set_previous_value("two");
  cas.set_delete_(true);
  EXPECT_TRUE(Call(cas, &KvApi::RawCompareAndSwap).succeed());
  EXPECT_TRUE(Get("c").not_found());
}

TEST_F(KvApiTest, TtlEndsValuesOnEveryPath) {
  Put("c", "v", 10);
  auto ttl = Make<kvrpcpb::RawGetKeyTTLRequest>();
  ttl.set_key("c");
  EXPECT_EQ(Call(ttl, &KvApi::RawGetKeyTTL).ttl(), 10u);
  region_.clock.Advance(std::chrono::milliseconds(9'500));
  region_.published->lease.Extend(Term(6), region_.clock.Now() + std::chrono::seconds(9));
  EXPECT_EQ(Call(ttl, &KvApi::RawGetKeyTTL).ttl(), 1u);
  region_.clock.Advance(std::chrono::milliseconds(500));
  EXPECT_TRUE(Call(ttl, &KvApi::RawGetKeyTTL).not_found());
  EXPECT_TRUE(Get("c").not_found());
  EXPECT_EQ(Keys(Call(ScanRequest("", "", 10), &KvApi::RawScan)), "");
  auto cas = Make<kvrpcpb::RawCASRequest>();
  cas.set_key("c");
  cas.set_value("again");
  cas.set_previous_not_exist(true);
  cas.set_ttl(7);
  EXPECT_TRUE(Call(cas, &KvApi::RawCompareAndSwap).succeed()) << "an expired value is absent";
  EXPECT_EQ(Call(ttl, &KvApi::RawGetKeyTTL).ttl(), 7u);

  auto batch = Make<kvrpcpb::RawBatchPutRequest>();
  for (const char* key : {"d", "e"}) {
    batch.add_pairs()->set_key(key);
  }
  batch.add_ttls(3);
  batch.add_ttls(0);
  Call(batch, &KvApi::RawBatchPut);
  ttl.set_key("d");
  EXPECT_EQ(Call(ttl, &KvApi::RawGetKeyTTL).ttl(), 3u);
  ttl.set_key("e");
  EXPECT_EQ(Call(ttl, &KvApi::RawGetKeyTTL).ttl(), 0u);
  batch.add_ttls(1);
  EXPECT_TRUE(absl::StrContains(Call(batch, &KvApi::RawBatchPut).error(), "InvalidTtls"));
}

TEST_F(KvApiTest, ChecksumIsTheXorOfThePairs) {
  Put("c", "1");
  Put("d", "22");
  auto request = Make<kvrpcpb::RawChecksumRequest>();
  request.add_ranges();
  const auto response = Call(request, &KvApi::RawChecksum);
  EXPECT_EQ(response.total_kvs(), 2u);
  EXPECT_EQ(response.total_bytes(), 5u);
  EXPECT_EQ(response.checksum(), Crc64(0, "c1") ^ Crc64(0, "d22"));
}

TEST_F(KvApiTest, OnAFullDiskWhatGrowsIsRefusedAndTheRestGoesOn) {
  EXPECT_FALSE(Put("ra", "v").has_region_error());
  region_.FillDisk();
  const auto refused = Put("rb", "v");
  ASSERT_TRUE(refused.region_error().has_disk_full()) << refused.ShortDebugString();
  EXPECT_EQ(refused.region_error().disk_full().store_id(0), kStore);
  auto batch = Make<kvrpcpb::RawBatchPutRequest>();
  batch.add_pairs()->set_key("rb");
  EXPECT_TRUE(Call(batch, &KvApi::RawBatchPut).region_error().has_disk_full());
  auto swap = Make<kvrpcpb::RawCASRequest>();
  swap.set_key("ra");
  swap.set_previous_value("v");
  EXPECT_TRUE(Call(swap, &KvApi::RawCompareAndSwap).region_error().has_disk_full());

  EXPECT_EQ(Get("ra").value(), "v");
  swap.set_delete_(true);
  EXPECT_TRUE(Call(swap, &KvApi::RawCompareAndSwap).succeed());
  auto erase = Make<kvrpcpb::RawDeleteRequest>();
  erase.set_key("ra");
  EXPECT_FALSE(Call(erase, &KvApi::RawDelete).has_region_error());
}

TEST_F(KvApiTest, UndeterminedIsItsOwnAnswer) {
  region_.replicator.error = errors::Undetermined("who knows");
  EXPECT_TRUE(Put("c", "v").region_error().has_undetermined_result());
  region_.replicator.error = absl::DeadlineExceededError("late");
  EXPECT_EQ(Put("c", "v").region_error().message(), "Deadline is exceeded");
  region_.replicator.error = errors::ServerIsBusy("full", 10);
  EXPECT_TRUE(Put("c", "v").region_error().has_server_is_busy());
}

TEST_F(KvApiTest, AStaleVersionIsRefusedWhenApplied) {
  DirectContext context(&region_.engine);
  WriteCommand stale(2, 0);
  stale.Put(*region_.codec, "c", "v", kNeverExpires);
  const auto result = region_.machine->Apply(context, std::move(stale).Take());
  EXPECT_FALSE(result.status.ok());
  EXPECT_TRUE(context.batch().empty());
}

TEST_F(KvApiTest, UnsafeDestroyRangePassesTheLogBy) {
  for (const char* key : {"c", "d", "e"}) Put(key, "v");
  const int proposals = region_.replicator.proposals;
  auto request = Make<kvrpcpb::UnsafeDestroyRangeRequest>();
  request.set_start_key("c");
  request.set_end_key("e");
  EXPECT_EQ(Call(request, &KvApi::UnsafeDestroyRange).error(), "");
  EXPECT_EQ(region_.replicator.proposals, proposals);
  region_.engine.Crash();
  EXPECT_EQ(Keys(Call(ScanRequest("", "", 10), &KvApi::RawScan)), "e ") << "it was flushed";
  request.set_start_key("z");
  EXPECT_NE(Call(request, &KvApi::UnsafeDestroyRange).error(), "");
}

TEST_F(KvApiTest, SplitKeysAreEncodedAndErrorsOfPdAreRegionErrors) {
  UseApi(ApiVersion::kV2);
  auto request = Make<kvrpcpb::SplitRegionRequest>();
  request.add_split_keys("rabckey");
  const auto response = Call(request, &KvApi::SplitRegion);
  EXPECT_TRUE(response.has_region_error());
  EXPECT_EQ(response.region_error().message(), "no PD here");
  ASSERT_EQ(region_.splitter.keys.size(), 1u);
  EXPECT_EQ(region_.splitter.keys[0], region_.codec->Encode("rabckey"));
}

TEST_F(KvApiTest, HealthFeedbackCountsAndTellsHowSlowTheDiskIs) {
  const auto request = Make<kvrpcpb::GetHealthFeedbackRequest>();
  const auto first = Call(request, &KvApi::GetHealthFeedback).health_feedback();
  EXPECT_EQ(first.store_id(), kStore);
  EXPECT_EQ(first.slow_score(), 1);
  region_.slow_score = 64.3;
  const auto second = Call(request, &KvApi::GetHealthFeedback).health_feedback();
  EXPECT_GT(second.feedback_seq_no(), first.feedback_seq_no());
  EXPECT_EQ(second.slow_score(), 64);
}

}  // namespace
}  // namespace flotilla::store
