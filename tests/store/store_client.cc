#include "tests/store/store_client.h"

#include <cstdlib>
#include <utility>

#include "common/base/log.h"

namespace flotilla::store {
namespace {

constexpr env::Duration kGiveUp = std::chrono::seconds(2);

template <typename Response>
WriteOutcome OutcomeOf(const absl::Status& status, const Response& response) {
  if (response.region_error().has_undetermined_result()) return WriteOutcome::kUnknown;
  const bool ok = status.ok() && !response.has_region_error() && response.error().empty();
  return ok ? WriteOutcome::kDone : WriteOutcome::kRefused;
}

// 0 stands for an absent counter.
uint64_t Number(const std::string& value) { return std::strtoull(value.c_str(), nullptr, 10); }

}  // namespace

std::string StoreClient::PrefixKey(uint64_t prefix) { return fmt::format("k{:02}", prefix); }
std::string StoreClient::CounterKey(uint64_t prefix) { return PrefixKey(prefix) + "-counter"; }

// The counters of all clients are spread over the prefixes.
std::string StoreClient::OwnCounter() {
  const uint64_t place =
      static_cast<uint64_t>(number_) * kCountersEach + random_.Uniform(kCountersEach);
  return CounterKey(place * 7 % kPrefixes);
}

std::string StoreClient::AnyCounter() {
  const uint64_t place = random_.Uniform(4 * kCountersEach);
  return CounterKey(place * 7 % kPrefixes);
}

bool StoreClient::RunOnce() {
  const env::Instant now = cluster_->world().now();
  if (busy_ && now >= give_up_) {
    Done();
  } else if (!busy_ && !finishing_ && (!next_ || now >= *next_)) {
    Begin();
  }
  return false;
}

void StoreClient::Done() {
  busy_ = false;
  ++generation_;
  const auto pause = static_cast<uint64_t>(max_pause_.count());
  next_ = cluster_->world().now() + env::Duration(random_.Uniform(pause + 1));
  waker_->Wake();
}

RegionViewPtr StoreClient::Pick(const std::string& key) {
  if (random_.Chance(0.8)) {
    RegionViewPtr leader = cluster_->LeaderOf(key);
    if (leader != nullptr) return leader;
  }
  const uint64_t stores = static_cast<uint64_t>(cluster_->stores());
  return cluster_->ViewOn(1 + static_cast<int>(random_.Uniform(stores)), key);
}

void StoreClient::Begin() {
  busy_ = true;
  give_up_ = cluster_->world().now() + kGiveUp;
  next_ = give_up_;
  const uint64_t kind = random_.Uniform(10);
  std::string key;
  if (kind < 3) {
    key = OwnCounter();
  } else if (kind < 6) {
    key = fmt::format("{}-{}-{}", PrefixKey(random_.Uniform(kPrefixes)), number_, ++marks_);
  } else if (kind < 8 || history_->marks().empty()) {
    key = AnyCounter();
  } else {
    auto mark = history_->marks().begin();
    std::advance(mark, random_.Uniform(history_->marks().size()));
    key = mark->first;
  }
  const RegionViewPtr view = Pick(key);
  if (view == nullptr) return Done();
  if (kind < 3) return Swap(view, key);
  if (kind < 6) return WriteMark(view, key);
  if (kind < 8 || history_->marks().empty()) return ReadCounter(view, key);
  ReadMark(view, key);
}

template <typename Request, typename Response>
void StoreClient::Call(const RegionView& view, Request request,
                       void (KvApi::*method)(const Request&, Response*, rpc::Done),
                       std::function<void(const absl::Status&, const Response&)> done) {
  *request.mutable_context() = cluster_->ContextOf(view);
  if (random_.Chance(0.3)) request.mutable_context()->set_max_execution_duration_ms(300);
  if (random_.Chance(0.3)) request.mutable_context()->set_replica_read(true);
  auto asked = std::make_shared<Request>(std::move(request));
  auto answer = std::make_shared<Response>();
  KvApi& api = cluster_->store(static_cast<int>(view.self.store_id())).api();
  (api.*method)(
      *asked, answer.get(),
      [this, asked, answer, done = std::move(done), mine = generation_](absl::Status status) {
        // An answer that comes after the client gave up is true all the same.
        done(status, *answer);
        if (mine == generation_) Done();
      });
}

void StoreClient::Swap(const RegionViewPtr& view, const std::string& key) {
  const uint64_t expected = history_->BeginSwap(key);
  kvrpcpb::RawCASRequest request;
  request.set_key(cluster_->RawKey(key));
  request.set_value(std::to_string(expected + 1));
  request.set_previous_not_exist(expected == 0);
  if (expected != 0) request.set_previous_value(std::to_string(expected));
  Call<kvrpcpb::RawCASRequest, kvrpcpb::RawCASResponse>(
      *view, std::move(request), &KvApi::RawCompareAndSwap,
      [history = history_, key, expected](const absl::Status& status,
                                          const kvrpcpb::RawCASResponse& response) {
        const WriteOutcome outcome = OutcomeOf(status, response);
        if (outcome == WriteOutcome::kDone && !response.succeed()) {
          history->EndSwapFinding(key, expected, Number(response.previous_value()));
        } else {
          history->EndSwap(key, expected, outcome);
        }
      });
}

void StoreClient::WriteMark(const RegionViewPtr& view, const std::string& key) {
  history_->BeginMark(key);
  kvrpcpb::RawPutRequest request;
  request.set_key(cluster_->RawKey(key));
  request.set_value(key);
  Call<kvrpcpb::RawPutRequest, kvrpcpb::RawPutResponse>(
      *view, std::move(request), &KvApi::RawPut,
      [history = history_, key](const absl::Status& status,
                                const kvrpcpb::RawPutResponse& response) {
        history->EndMark(key, OutcomeOf(status, response));
      });
}

void StoreClient::ReadCounter(const RegionViewPtr& view, const std::string& key) {
  kvrpcpb::RawGetRequest request;
  request.set_key(cluster_->RawKey(key));
  Call<kvrpcpb::RawGetRequest, kvrpcpb::RawGetResponse>(
      *view, std::move(request), &KvApi::RawGet,
      [history = history_, key, floor = history_->BeginRead(key)](
          const absl::Status& status, const kvrpcpb::RawGetResponse& response) {
        if (OutcomeOf(status, response) != WriteOutcome::kDone) return;
        history->EndRead(key, floor, response.not_found() ? 0 : Number(response.value()));
      });
}

void StoreClient::ReadMark(const RegionViewPtr& view, const std::string& key) {
  kvrpcpb::RawGetRequest request;
  request.set_key(cluster_->RawKey(key));
  Call<kvrpcpb::RawGetRequest, kvrpcpb::RawGetResponse>(
      *view, std::move(request), &KvApi::RawGet,
      [history = history_, key, then = history_->MarkOf(key)](
          const absl::Status& status, const kvrpcpb::RawGetResponse& response) {
        if (OutcomeOf(status, response) != WriteOutcome::kDone) return;
        history->EndMarkRead(key, then, !response.not_found());
      });
}

}  // namespace flotilla::store
