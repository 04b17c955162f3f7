// Several scans at a time: the order of what comes out, and how much waits inside.
#include "client/cli/range_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <map>
#include <utility>

#include "common/base/check.h"

namespace flotilla::cli {
namespace {

using client::CallOptions;
using client::KeyValue;
using client::Range;
using client::RawClient;
using client::ScanOptions;
using client::WriteOptions;

// A client that serves scans only. The first `together` are answered when all of them are under
// way, the last one first; further ones at once.
class ScanOnlyClient final : public RawClient {
 public:
  explicit ScanOnlyClient(size_t together) : together_(together) {}

  void ScanAsync(Range range, ScanOptions options, Callback<Pairs> callback) override {
    if (answered_ >= together_) return Answer({range, options, std::move(callback)});
    held_.push_back({range, options, std::move(callback)});
    if (held_.size() < together_) return;
    for (auto it = held_.rbegin(); it != held_.rend(); ++it) Answer(std::move(*it));
    held_.clear();
  }

  std::map<std::string, std::string> data;
  // The scan from this key on fails.
  std::string broken_from = "~";

  void GetAsync(std::string, CallOptions, Callback<Value>) override { Refuse(); }
  void PutAsync(std::string, std::string, WriteOptions, StatusCallback) override { Refuse(); }
  void DeleteAsync(std::string, CallOptions, StatusCallback) override { Refuse(); }
  void BatchGetAsync(std::vector<std::string>, CallOptions, Callback<Pairs>) override { Refuse(); }
  void BatchPutAsync(Pairs, WriteOptions, StatusCallback) override { Refuse(); }
  void BatchDeleteAsync(std::vector<std::string>, CallOptions, StatusCallback) override {
    Refuse();
  }
  void DeleteRangeAsync(Range, CallOptions, StatusCallback) override { Refuse(); }
  void CompareAndSwapAsync(std::string, Value, std::string, WriteOptions,
                           Callback<client::CasResult>) override {
    Refuse();
  }
  void GetTtlAsync(std::string, CallOptions,
                   Callback<std::optional<std::chrono::seconds>>) override {
    Refuse();
  }
  void ChecksumAsync(Range, CallOptions, Callback<client::Checksum>) override { Refuse(); }
  client::Checksum ChecksumOf(const KeyValue&) const override { return {}; }
  std::string MetricsText() const override { return ""; }

 private:
  struct Held {
    Range range;
    ScanOptions options;
    Callback<Pairs> callback;
  };

  static void Refuse() { CHECK(false) << "only scans are expected"; }

  void Answer(Held scan) {
    ++answered_;
    if (scan.range.start >= broken_from) {
      return std::move(scan.callback)(absl::UnavailableError("broken"));
    }
    Pairs pairs;
    for (auto it = data.lower_bound(scan.range.start);
         it != data.end() && (scan.range.end.empty() || it->first < scan.range.end) &&
         pairs.size() < scan.options.limit;
         ++it) {
      pairs.push_back({it->first, it->second});
    }
    std::move(scan.callback)(std::move(pairs));
  }

  const size_t together_;
  size_t answered_ = 0;
  std::vector<Held> held_;
};

// `regions` ranges of 100 keys each.
class RangeReaderTest : public ::testing::Test {
 protected:
  void Fill(ScanOnlyClient& client, int regions, size_t value_bytes) {
    for (int i = 0; i < regions * 100; ++i) {
      client.data[fmt::format("{:06}", i)] = std::string(value_bytes, 'v');
    }
    for (int i = 0; i < regions; ++i) {
      parts_.push_back({i == 0 ? "" : fmt::format("{:06}", i * 100),
                        i + 1 == regions ? "" : fmt::format("{:06}", i * 100 + 100)});
    }
  }
  static std::map<std::string, std::string> ReadAll(RangeReader& reader, bool in_order) {
    std::map<std::string, std::string> read;
    while (true) {
      const auto pairs = reader.NextPage();
      EXPECT_TRUE(pairs.ok()) << pairs.status();
      if (!pairs.ok() || pairs->empty()) return read;
      for (const KeyValue& pair : *pairs) {
        if (in_order && !read.empty()) {
          EXPECT_GT(pair.key, read.rbegin()->first);
        }
        EXPECT_TRUE(read.emplace(pair.key, pair.value).second) << pair.key << " came twice";
      }
    }
  }

  std::vector<Range> parts_;
};

TEST_F(RangeReaderTest, PartsAreReadTogetherAndComeInOrder) {
  ScanOnlyClient client(/*together=*/8);
  Fill(client, 20, 10);
  RangeReader reader(&client, parts_, {.scans = 8});
  EXPECT_EQ(ReadAll(reader, /*in_order=*/true), client.data);
}

TEST_F(RangeReaderTest, WhereTheOrderDoesNotMatterAllComesToo) {
  ScanOnlyClient client(/*together=*/4);
  Fill(client, 20, 10);
  RangeReader reader(&client, parts_, {.order = RangeReader::Order::kAny, .scans = 4});
  EXPECT_EQ(ReadAll(reader, /*in_order=*/false), client.data);
}

TEST_F(RangeReaderTest, WhatWaitsIsBounded) {
  constexpr size_t kBuffer = 4 << 20;
  for (const RangeReader::Order order : {RangeReader::Order::kByKey, RangeReader::Order::kAny}) {
    ScanOnlyClient client(/*together=*/1);
    parts_.clear();
    Fill(client, 20, 20'000);  // 40 MB.
    RangeReader reader(&client, parts_, {.order = order, .scans = 8, .buffer_bytes = kBuffer});
    EXPECT_EQ(ReadAll(reader, order == RangeReader::Order::kByKey), client.data);
    EXPECT_LE(reader.peak_bytes(), kBuffer);
    EXPECT_GT(reader.peak_bytes(), kBuffer / 4);
  }
}

TEST_F(RangeReaderTest, ATinyBufferIsNoDeadlock) {
  ScanOnlyClient client(/*together=*/1);
  Fill(client, 5, 1000);
  RangeReader reader(&client, parts_, {.scans = 8, .buffer_bytes = 1});
  EXPECT_EQ(ReadAll(reader, /*in_order=*/true), client.data);
}

TEST_F(RangeReaderTest, AnErrorEndsIt) {
  ScanOnlyClient client(/*together=*/1);
  Fill(client, 5, 10);
  client.broken_from = "000200";
  RangeReader reader(&client, parts_, {});
  absl::StatusOr<RawClient::Pairs> pairs = reader.NextPage();
  while (pairs.ok() && !pairs->empty()) pairs = reader.NextPage();
  EXPECT_TRUE(absl::IsUnavailable(pairs.status())) << pairs.status();
  EXPECT_TRUE(absl::IsUnavailable(reader.NextPage().status()));
}

TEST_F(RangeReaderTest, NoPartsAreTheEnd) {
  ScanOnlyClient client(/*together=*/1);
  RangeReader reader(&client, {}, {});
  EXPECT_TRUE(reader.NextPage()->empty());
}

}  // namespace
}  // namespace flotilla::cli
