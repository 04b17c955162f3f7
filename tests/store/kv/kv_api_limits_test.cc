// Requests at the edges of what is allowed: keys of odd bytes, ranges that are empty or the wrong
// way round, limits of nothing and of everything, entries at their limit and one byte beyond.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "store/kv/kv_api.h"
#include "tests/store/kv/direct_region.h"

namespace flotilla::store {
namespace {

using namespace std::string_literals;  // NOLINT: keys with zero bytes.
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t kMaxEntryBytes = 1 << 20;

class KvApiLimitsTest : public ::testing::TestWithParam<ApiVersion> {
 protected:
  // A key of the region in the spelling of its API version.
  std::string Key(const std::string& key) const {
    return GetParam() == ApiVersion::kV2 ? "r\0\0\1"s + key : "c" + key;
  }
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
      EXPECT_TRUE(status.ok()) << status;
      ++answers;
    });
    EXPECT_EQ(answers, 1);
    return response;
  }
  template <typename Request, typename Response>
  Response CallWithKey(const std::string& key,
                       void (KvApi::*method)(const Request&, Response*, rpc::Done)) {
    auto request = Make<Request>();
    request.set_key(key);
    return Call(request, method);
  }
  kvrpcpb::RawPutResponse Put(const std::string& key, const std::string& value) {
    auto request = Make<kvrpcpb::RawPutRequest>();
    request.set_key(key);
    request.set_value(value);
    return Call(request, &KvApi::RawPut);
  }
  kvrpcpb::RawScanResponse Scan(const std::string& start, const std::string& end, uint32_t limit) {
    auto request = Make<kvrpcpb::RawScanRequest>();
    request.set_start_key(start);
    request.set_end_key(end);
    request.set_limit(limit);
    return Call(request, &KvApi::RawScan);
  }
  std::string DeleteRange(const std::string& start, const std::string& end) {
    auto request = Make<kvrpcpb::RawDeleteRangeRequest>();
    request.set_start_key(start);
    request.set_end_key(end);
    const auto response = Call(request, &KvApi::RawDeleteRange);
    EXPECT_FALSE(response.has_region_error()) << response.ShortDebugString();
    return response.error();
  }
  std::vector<std::string> KeysOf(const kvrpcpb::RawScanResponse& response) {
    std::vector<std::string> keys;
    for (const auto& pair : response.kvs()) keys.push_back(pair.key());
    return keys;
  }

  DirectRegion region_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(ApiVersions, KvApiLimitsTest,
                         ::testing::Values(ApiVersion::kV1, ApiVersion::kV2),
                         [](const auto& version) {
                           return version.param == ApiVersion::kV1 ? "V1" : "V2";
                         });

TEST_P(KvApiLimitsTest, KeysAreAnyBytesAndInTheirOrder) {
  const std::vector<std::string> keys = {Key("\0"s),
                                         Key(std::string(9, '\0')),
                                         Key("\0\xff"s),
                                         Key("a"),
                                         Key("a\0"s),
                                         Key("\xff"s),
                                         Key("\xff\0\xff"s),
                                         Key(std::string(8, '\xff')),
                                         Key(std::string(9, '\xff'))};
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
    EXPECT_EQ(Put(*key, "value of " + *key).ByteSizeLong(), 0u);
  }
  EXPECT_EQ(KeysOf(Scan(Key("\0"s), Key(std::string(10, '\xff')), UINT32_MAX)), keys);
  for (const std::string& key : keys) {
    EXPECT_EQ(CallWithKey(key, &KvApi::RawGet).value(), "value of " + key);
    EXPECT_EQ(CallWithKey(key, &KvApi::RawDelete).ByteSizeLong(), 0u);
    EXPECT_TRUE(CallWithKey(key, &KvApi::RawGet).not_found());
  }
}

TEST_P(KvApiLimitsTest, NoCommandTakesAnEmptyKey) {
  const std::string empty = GetParam() == ApiVersion::kV2 ? Key("") : "";
  EXPECT_THAT(Put(empty, "v").error(), HasSubstr("KeyIsEmpty"));
  EXPECT_THAT(CallWithKey(empty, &KvApi::RawGet).error(), HasSubstr("KeyIsEmpty"));
  EXPECT_THAT(CallWithKey(empty, &KvApi::RawDelete).error(), HasSubstr("KeyIsEmpty"));
  EXPECT_THAT(CallWithKey(empty, &KvApi::RawGetKeyTTL).error(), HasSubstr("KeyIsEmpty"));
  EXPECT_THAT(CallWithKey(empty, &KvApi::RawCompareAndSwap).error(), HasSubstr("KeyIsEmpty"));
  auto put = Make<kvrpcpb::RawBatchPutRequest>();
  put.add_pairs()->set_key(Key("a"));
  put.add_pairs()->set_key(empty);
  EXPECT_THAT(Call(put, &KvApi::RawBatchPut).error(), HasSubstr("KeyIsEmpty"));
  auto remove = Make<kvrpcpb::RawBatchDeleteRequest>();
  remove.add_keys(empty);
  EXPECT_THAT(Call(remove, &KvApi::RawBatchDelete).error(), HasSubstr("KeyIsEmpty"));
  auto get = Make<kvrpcpb::RawBatchGetRequest>();
  get.add_keys(empty);
  const auto got = Call(get, &KvApi::RawBatchGet);
  ASSERT_EQ(got.pairs_size(), 1);
  EXPECT_THAT(got.pairs(0).error().abort(), HasSubstr("KeyIsEmpty"));
  EXPECT_THAT(KeysOf(Scan(Key("\0"s), Key("\xff"s), 10)), IsEmpty()) << "nothing was written";
}

TEST_P(KvApiLimitsTest, RangesOfNothingAndTheWrongWayRound) {
  Put(Key("a"), "v");
  Put(Key("b"), "v");
  EXPECT_THAT(KeysOf(Scan(Key("a"), Key("a"), 10)), IsEmpty());
  EXPECT_EQ(DeleteRange(Key("a"), Key("a")), "");
  for (const auto& [start, end] :
       {std::pair(Key("b"), Key("a")), std::pair(Key("b\0"s), Key("b"))}) {
    const auto scan = Scan(start, end, 10);
    ASSERT_EQ(scan.kvs_size(), 1);
    EXPECT_THAT(scan.kvs(0).error().abort(), HasSubstr("InvalidRange"));
    EXPECT_THAT(DeleteRange(start, end), HasSubstr("InvalidRange"));
    auto checksum = Make<kvrpcpb::RawChecksumRequest>();
    checksum.add_ranges()->set_start_key(start);
    checksum.mutable_ranges(0)->set_end_key(end);
    EXPECT_THAT(Call(checksum, &KvApi::RawChecksum).error(), HasSubstr("InvalidRange"));
  }
  EXPECT_THAT(KeysOf(Scan(Key("a"), Key("c"), 10)), ElementsAre(Key("a"), Key("b")));
}

TEST_P(KvApiLimitsTest, LimitsOfNothingAndOfEverything) {
  for (const char* key : {"a", "b", "c"}) Put(Key(key), "v");
  EXPECT_EQ(Scan(Key("a"), Key("d"), 0).kvs_size(), 0);
  EXPECT_EQ(Scan(Key("a"), Key("d"), 3).kvs_size(), 3);
  EXPECT_EQ(Scan(Key("a"), Key("d"), UINT32_MAX).kvs_size(), 3);
  auto batch = Make<kvrpcpb::RawBatchScanRequest>();
  for (int i = 0; i < 2; ++i) {
    batch.add_ranges()->set_start_key(Key("a"));
    batch.mutable_ranges(i)->set_end_key(Key("d"));
  }
  EXPECT_EQ(Call(batch, &KvApi::RawBatchScan).kvs_size(), 0);
  batch.set_each_limit(UINT32_MAX);
  EXPECT_EQ(Call(batch, &KvApi::RawBatchScan).kvs_size(), 6);
  EXPECT_EQ(Call(Make<kvrpcpb::RawBatchGetRequest>(), &KvApi::RawBatchGet).pairs_size(), 0);
  EXPECT_EQ(Call(Make<kvrpcpb::RawBatchPutRequest>(), &KvApi::RawBatchPut).error(), "");
}

TEST_P(KvApiLimitsTest, EntriesAreLimitedToTheByte) {
  // The refusal tells the size, and so what a value costs besides its bytes.
  const auto refused = Put(Key("a"), std::string(kMaxEntryBytes, 'v')).region_error();
  const uint64_t besides = refused.raft_entry_too_large().entry_size() - kMaxEntryBytes;
  ASSERT_GT(besides, 0u);
  ASSERT_LT(besides, 100u);
  const uint64_t most = kMaxEntryBytes - besides;
  for (const uint64_t bytes : {most - 1, most}) {
    EXPECT_EQ(Put(Key("a"), std::string(bytes, 'v')).ByteSizeLong(), 0u);
    EXPECT_EQ(CallWithKey(Key("a"), &KvApi::RawGet).value().size(), bytes);
  }
  const auto beyond = Put(Key("a"), std::string(most + 1, 'v')).region_error();
  EXPECT_EQ(beyond.raft_entry_too_large().entry_size(), kMaxEntryBytes + 1);
  EXPECT_THAT(beyond.message(), HasSubstr(std::to_string(kMaxEntryBytes)));
  EXPECT_EQ(CallWithKey(Key("a"), &KvApi::RawGet).value().size(), most) << "nothing was changed";
}

}  // namespace
}  // namespace flotilla::store
