#include "tests/cluster/chaos/replica_reader.h"

#include <spdlog/fmt/fmt.h>

#include <map>
#include <string>
#include <utility>

#include "client/grpc_store_rpc.h"
#include "client/key_codec.h"
#include "common/base/status_macros.h"
#include "tests/cluster/await.h"

namespace flotilla::chaos {
namespace {

using Pairs = std::map<std::string, std::string>;

constexpr uint32_t kPage = 1'000;
constexpr std::chrono::seconds kPatience{10};

// Speaks to single stores, past the client's routes.
class StoreReader {
 public:
  StoreReader()
      : loop_("chaos-replicas", &clock_),
        connector_(&loop_, &pool_, client::Transport::kUnary, env::Random(1)) {
    loop_.Start();
  }
  ~StoreReader() {
    connector_.Shutdown();
    loop_.Stop();
  }

  absl::StatusOr<Pairs> Read(const metapb::Region& region, const metapb::Peer& peer,
                             const std::string& address, KeyRange range) {
    Pairs all;
    while (true) {
      kvrpcpb::RawScanRequest request;
      kvrpcpb::Context& context = *request.mutable_context();
      context.set_region_id(region.id());
      *context.mutable_region_epoch() = region.region_epoch();
      *context.mutable_peer() = peer;
      context.set_replica_read(true);
      context.set_api_version(kvrpcpb::V2);
      request.set_start_key(range.start);
      request.set_end_key(range.end);
      request.set_limit(kPage);
      ASSIGN_OR_RETURN(const kvrpcpb::RawScanResponse response, Scan(address, request));
      for (const kvrpcpb::KvPair& pair : response.kvs()) all[pair.key()] = pair.value();
      if (response.kvs_size() < static_cast<int>(kPage)) return all;
      range.start = response.kvs(response.kvs_size() - 1).key() + '\0';
    }
  }

 private:
  absl::StatusOr<kvrpcpb::RawScanResponse> Scan(const std::string& address,
                                                const kvrpcpb::RawScanRequest& request) {
    kvrpcpb::RawScanResponse response;
    absl::Status status;
    cluster_test::Await(kPatience, [&] {
      response.Clear();
      Mutex mutex;
      CondVar changed;
      bool done = false;
      connector_.Connect(address)->RawScan(request, &response, clock_.Now() + kPatience,
                                           [&](absl::Status ended) {
                                             MutexLock lock(mutex);
                                             status = std::move(ended);
                                             done = true;
                                             changed.NotifyAll();
                                           });
      MutexLock lock(mutex);
      while (!done) changed.Wait(mutex);
      if (status.ok() && response.has_region_error()) {
        status = absl::UnavailableError(response.region_error().message());
      }
      return status.ok();
    });
    RETURN_IF_ERROR(status);
    return response;
  }

  const env::SystemClock clock_;
  rpc::GrpcEventLoop loop_;
  rpc::ChannelPool pool_;
  client::GrpcStoreConnector connector_;
};

// What of two ranges is in both.
KeyRange Common(const KeyRange& a, const KeyRange& b) {
  KeyRange common = a;
  common.start = std::max(a.start, b.start);
  if (a.end.empty() || (!b.end.empty() && b.end < a.end)) common.end = b.end;
  return common;
}

// In words, of the first key that differs.
std::string Difference(const Pairs& expected, const Pairs& found) {
  for (const auto& [key, value] : expected) {
    const auto at = found.find(key);
    if (at == found.end()) return key + " is missing";
    if (at->second != value) {
      return fmt::format("{} is {} and not {}", key, at->second, value);
    }
  }
  for (const auto& [key, value] : found) {
    if (!expected.contains(key)) return key + " should not be there";
  }
  return "";
}

// All replicas of a region; what the first one holds.
Pairs ReadRegion(StoreReader& reader, const metapb::Region& region, const KeyRange& range,
                 const std::map<uint64_t, std::string>& addresses, ReplicasRead* read,
                 testing::Violations* violations) {
  Pairs first;
  bool has_first = false;
  for (const metapb::Peer& peer : region.peers()) {
    const auto address = addresses.find(peer.store_id());
    const auto pairs =
        reader.Read(region, peer, address == addresses.end() ? "nowhere" : address->second, range);
    const std::string who =
        fmt::format("the replica of region {} on store {}", region.id(), peer.store_id());
    if (!pairs.ok()) {
      violations->Add(fmt::format("{} cannot be read: {}", who, pairs.status().ToString()));
      continue;
    }
    ++read->replicas;
    if (!has_first) {
      first = *pairs;
      has_first = true;
      continue;
    }
    const std::string difference = Difference(first, *pairs);
    if (!difference.empty()) violations->Add(fmt::format("{} differs: {}", who, difference));
  }
  return first;
}

}  // namespace

ReplicasRead CompareReplicas(client::ClusterConnection* connection,
                             testing::Violations* violations) {
  ReplicasRead read;
  StoreReader reader;
  const client::KeyCodec& codec = connection->regions().codec();
  const auto stores = connection->admin().Stores();
  const auto regions = connection->admin().Regions({});
  const auto seen = connection->raw().Scan({"", ""});
  if (!stores.ok() || !regions.ok() || !seen.ok()) {
    violations->Add("stores, regions or keys cannot be listed");
    return read;
  }
  std::map<uint64_t, std::string> addresses;
  for (const metapb::Store& store : *stores) addresses[store.id()] = store.address();
  Pairs stored;
  for (const pdpb::Region& region : *regions) {
    const auto bounds =
        codec.ToRequestBounds({region.region().start_key(), region.region().end_key()});
    if (!bounds.ok()) continue;
    const KeyRange range = Common(*bounds, codec.ToRequestRange({"", ""}));
    if (!range.end.empty() && range.start >= range.end) continue;
    ++read.regions;
    stored.merge(ReadRegion(reader, region.region(), range, addresses, &read, violations));
  }
  Pairs expected;
  for (const client::KeyValue& pair : *seen) expected[codec.ToRequestKey(pair.key)] = pair.value;
  const std::string difference = Difference(expected, stored);
  if (!difference.empty()) violations->Add("replicas hold other than is read: " + difference);
  read.pairs = stored.size();
  return read;
}

}  // namespace flotilla::chaos
