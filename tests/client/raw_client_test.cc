// What each operation of the client means, on a cluster without faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/checksum.h"
#include "tests/client/client_harness.h"

namespace flotilla::client {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using std::string_literals::operator""s;
using testing::ClientHarness;

class RawClientTest : public ::testing::TestWithParam<ApiVersion> {
 protected:
  static KeyCodec Codec() {
    return GetParam() == ApiVersion::kV2 ? KeyCodec::V2(KeyspaceId(7)) : KeyCodec::V1();
  }
  // Rows a0 .. with values, over regions cut at a3, a5 and a7.
  void Fill(int rows) {
    for (int i = 0; i < rows; ++i) {
      ASSERT_TRUE(harness_.Put("a" + std::to_string(i), "v" + std::to_string(i)).ok());
    }
    for (const char* border : {"a3", "a5", "a7"}) harness_.cluster().Split(border);
  }
  static std::string Keys(const absl::StatusOr<RawClient::Pairs>& pairs) {
    if (!pairs.ok()) return pairs.status().ToString();
    std::string keys;
    for (const KeyValue& pair : *pairs) keys += pair.key + " ";
    return keys;
  }

  ClientHarness harness_{Codec()};
};

INSTANTIATE_TEST_SUITE_P(ApiVersions, RawClientTest,
                         ::testing::Values(ApiVersion::kV1, ApiVersion::kV2), [](const auto& info) {
                           return info.param == ApiVersion::kV1 ? "V1" : "V2";
                         });

TEST_P(RawClientTest, PutGetDelete) {
  EXPECT_EQ(*harness_.Get("k"), std::nullopt);
  EXPECT_TRUE(harness_.Put("k", "v\0w"s).ok());
  EXPECT_EQ(**harness_.Get("k"), "v\0w"s);
  EXPECT_TRUE(harness_.Put("e", "").ok());
  EXPECT_EQ(**harness_.Get("e"), "") << "an empty value is a value";
  EXPECT_TRUE(harness_.Delete("k").ok());
  EXPECT_EQ(*harness_.Get("k"), std::nullopt);
  EXPECT_TRUE(harness_.cluster().entries().contains(Codec().ToRequestKey("e")));
}

TEST_P(RawClientTest, RefusesWrongKeysItself) {
  const absl::Status empty = harness_.Put("", "v");
  EXPECT_TRUE(absl::IsInvalidArgument(empty)) << empty;
  const absl::Status large = harness_.Put(std::string(kMaxKeyBytes + 1, 'k'), "v");
  EXPECT_TRUE(absl::IsInvalidArgument(large));
  EXPECT_NE(large.ToString().find("8193 bytes, the limit is 8192"), std::string::npos) << large;
  EXPECT_TRUE(harness_.Put(std::string(kMaxKeyBytes, 'k'), "v").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(harness_.Get("").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(harness_.BatchGet({"a", ""}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(harness_.Scan({"b", "a"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(harness_.Put("k", "v", {.ttl = seconds(-1)})));
}

TEST_P(RawClientTest, TtlGoesThereAndBack) {
  EXPECT_TRUE(harness_.Put("k", "v", {.ttl = seconds(90)}).ok());
  EXPECT_TRUE(harness_.Put("forever", "v").ok());
  EXPECT_EQ(**harness_.GetTtl("k"), seconds(90));
  EXPECT_EQ(**harness_.GetTtl("forever"), seconds(0));
  EXPECT_EQ(*harness_.GetTtl("none"), std::nullopt);
}

TEST_P(RawClientTest, CompareAndSwap) {
  auto first = harness_.Cas("k", std::nullopt, "1");
  EXPECT_TRUE(first->swapped);
  EXPECT_EQ(first->previous, std::nullopt);
  auto stale = harness_.Cas("k", std::nullopt, "2");
  EXPECT_FALSE(stale->swapped);
  EXPECT_EQ(stale->previous, "1");
  auto second = harness_.Cas("k", "1", "2");
  EXPECT_TRUE(second->swapped);
  EXPECT_EQ(**harness_.Get("k"), "2");
}

TEST_P(RawClientTest, BatchesAreCutByRegion) {
  Fill(0);
  EXPECT_TRUE(harness_.BatchPut({{"a8", "8"}, {"a1", "1"}, {"a4", "4"}, {"a1", "last"}}).ok());
  EXPECT_EQ(harness_.cluster().entries().size(), 3u);
  harness_.cluster().ClearRequests();
  const auto pairs = harness_.BatchGet({"a8", "a4", "zz", "a1", "a1", "a6"});
  ASSERT_TRUE(pairs.ok());
  EXPECT_THAT(*pairs,
              ElementsAre(KeyValue{"a1", "last"}, KeyValue{"a4", "4"}, KeyValue{"a8", "8"}));
  EXPECT_THAT(harness_.cluster().requests(), SizeIs(4)) << "one for each region";
  EXPECT_TRUE(harness_.BatchDelete({"a1", "a8", "nothing"}).ok());
  EXPECT_EQ(harness_.cluster().entries().size(), 1u);
}

TEST_P(RawClientTest, EmptyBatchesDoNothing) {
  EXPECT_TRUE(harness_.BatchPut({}).ok());
  EXPECT_TRUE(harness_.BatchDelete({}).ok());
  EXPECT_THAT(*harness_.BatchGet({}), IsEmpty());
  EXPECT_THAT(harness_.cluster().requests(), IsEmpty());
}

TEST_P(RawClientTest, ScansGoAcrossRegions) {
  Fill(10);
  EXPECT_EQ(Keys(harness_.Scan({"", ""})), "a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 ");
  EXPECT_EQ(Keys(harness_.Scan({"a2", "a8"})), "a2 a3 a4 a5 a6 a7 ");
  EXPECT_EQ(Keys(harness_.Scan({"a2", ""}, {.limit = 4})), "a2 a3 a4 a5 ");
  EXPECT_EQ(Keys(harness_.Scan({"a3", "a5"})), "a3 a4 ") << "exactly one region";
  EXPECT_EQ(Keys(harness_.Scan({"x", "y"})), "");
  EXPECT_EQ(Keys(harness_.Scan({"a4", "a4"})), "");
}

TEST_P(RawClientTest, ReverseScansGoDown) {
  Fill(10);
  EXPECT_EQ(Keys(harness_.Scan({"", ""}, {.reverse = true})), "a9 a8 a7 a6 a5 a4 a3 a2 a1 a0 ");
  EXPECT_EQ(Keys(harness_.Scan({"a2", "a8"}, {.reverse = true})), "a7 a6 a5 a4 a3 a2 ");
  EXPECT_EQ(Keys(harness_.Scan({"", "a5"}, {.limit = 3, .reverse = true})), "a4 a3 a2 ");
  EXPECT_EQ(Keys(harness_.Scan({"a3", "a5"}, {.reverse = true})), "a4 a3 ");
}

TEST_P(RawClientTest, KeyOnlyScansLeaveValuesOut) {
  Fill(4);
  const auto pairs = harness_.Scan({"", ""}, {.key_only = true});
  EXPECT_EQ(Keys(pairs), "a0 a1 a2 a3 ");
  EXPECT_EQ(pairs->front().value, "");
}

TEST_P(RawClientTest, DeleteRangeStopsAtItsBounds) {
  Fill(10);
  EXPECT_TRUE(harness_.DeleteRange({"a1", "a8"}).ok());
  EXPECT_EQ(Keys(harness_.Scan({"", ""})), "a0 a8 a9 ");
  EXPECT_TRUE(harness_.DeleteRange({"", ""}).ok());
  EXPECT_EQ(Keys(harness_.Scan({"", ""})), "");
}

TEST_P(RawClientTest, TheChecksumDoesNotDependOnRegions) {
  Checksum expected;
  for (int i = 0; i < 10; ++i) {
    const Checksum one =
        harness_.client().ChecksumOf({"a" + std::to_string(i), "v" + std::to_string(i)});
    expected.crc64_xor ^= one.crc64_xor;
    expected.keys += one.keys;
    expected.bytes += one.bytes;
  }
  Fill(10);
  EXPECT_EQ(*harness_.ComputeChecksum({"", ""}), expected);
  ASSERT_TRUE(harness_.Put("a3", "other").ok());
  EXPECT_NE(harness_.ComputeChecksum({"", ""})->crc64_xor, expected.crc64_xor);
  EXPECT_EQ(harness_.ComputeChecksum({"a2", "a6"})->keys, 4u);
}

TEST_P(RawClientTest, RoutesAreAskedOnce) {
  Fill(10);
  harness_.Scan({"", ""}).IgnoreError();
  const int before = harness_.cluster().pd_calls("pdpb.PD/GetRegion");
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(harness_.Get("a" + std::to_string(i)).ok());
  EXPECT_EQ(harness_.cluster().pd_calls("pdpb.PD/GetRegion"), before);
}

TEST(RawClientLimitsTest, LargeBatchesAreCutByKeysAndBytes) {
  ClientOptions options;
  options.batch_keys = 10;
  options.batch_bytes = 1000;
  ClientHarness harness(KeyCodec::V1(), options);
  RawClient::Pairs pairs;
  for (int i = 0; i < 100; ++i) pairs.push_back({"k" + std::to_string(1000 + i), "v"});
  EXPECT_TRUE(harness.BatchPut(pairs).ok());
  EXPECT_THAT(harness.cluster().requests(), SizeIs(10));
  harness.cluster().ClearRequests();
  for (KeyValue& pair : pairs) pair.value = std::string(600, 'x');
  EXPECT_TRUE(harness.BatchPut(pairs).ok());
  EXPECT_THAT(harness.cluster().requests(), SizeIs(100));
  EXPECT_EQ(harness.BatchGet({"k1000", "k1099"})->size(), 2u);
}

TEST(RawClientLimitsTest, ScansArePaged) {
  ClientOptions options;
  options.scan_page_rows = 3;
  ClientHarness harness(KeyCodec::V2(KeyspaceId(1)), options);
  RawClient::Pairs pairs;
  for (int i = 0; i < 20; ++i) pairs.push_back({"k" + std::to_string(10 + i), "v"});
  ASSERT_TRUE(harness.BatchPut(pairs).ok());
  harness.cluster().Split("k16");  // The border meets a page's end in one direction.
  EXPECT_EQ(*harness.Scan({"", ""}), pairs);
  std::reverse(pairs.begin(), pairs.end());
  EXPECT_EQ(*harness.Scan({"", ""}, {.reverse = true}), pairs);
}

TEST(RawClientLimitsTest, AnswersThatAreTooLargeForAStoreComeInParts) {
  for (const KeyCodec& codec : {KeyCodec::V1(), KeyCodec::V2(KeyspaceId(7))}) {
    ClientHarness harness(codec);
    RawClient::Pairs pairs;
    std::vector<std::string> keys;
    for (int i = 100; i < 200; ++i) {
      pairs.push_back({std::to_string(i), std::string(100, 'v')});
      keys.push_back(pairs.back().key);
    }
    ASSERT_TRUE(harness.BatchPut(pairs).ok());
    harness.cluster().LimitAnswers(1000);
    EXPECT_EQ(*harness.Scan({"", ""}), pairs);
    EXPECT_EQ(*harness.BatchGet(keys), pairs);
    // One pair that is too large by itself cannot be had, and is not left out.
    harness.cluster().LimitAnswers(50);
    EXPECT_TRUE(absl::IsFailedPrecondition(harness.Scan({"", ""}).status()));
    EXPECT_TRUE(absl::IsFailedPrecondition(harness.BatchGet(keys).status()));
  }
}

TEST(RawClientLimitsTest, KeyspacesDoNotMeet) {
  ClientHarness harness(KeyCodec::V2(KeyspaceId(5)));
  ASSERT_TRUE(harness.Put("mine", "v").ok());
  // A neighbour's keys before and after, put in by its own codec.
  for (const uint32_t neighbour : {4, 6}) {
    const KeyCodec other = KeyCodec::V2(KeyspaceId(neighbour));
    testing::FakeConnector connector(&harness.cluster());
    kvrpcpb::RawPutRequest request;
    kvrpcpb::RawPutResponse response;
    request.set_key(other.ToRequestKey("theirs"));
    request.mutable_context()->set_region_id(1);
    request.mutable_context()->mutable_region_epoch()->set_version(1);
    connector.Connect("store-1")->RawPut(request, &response, env::Instant(), [](absl::Status) {});
  }
  ASSERT_EQ(harness.cluster().entries().size(), 3u);
  EXPECT_EQ(harness.Scan({"", ""})->size(), 1u);
  EXPECT_EQ(harness.Scan({"", ""}, {.reverse = true})->size(), 1u);
  EXPECT_EQ(harness.ComputeChecksum({"", ""})->keys, 1u);
  EXPECT_TRUE(harness.DeleteRange({"", ""}).ok());
  EXPECT_EQ(harness.cluster().entries().size(), 2u);
}

}  // namespace
}  // namespace flotilla::client
