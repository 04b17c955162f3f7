#include "tests/client/fake/fake_cluster.h"

#include <iterator>
#include <utility>

#include "common/base/check.h"
#include "common/base/coding.h"

namespace flotilla::client::testing {

FakeCluster::FakeCluster(KeyCodec codec, int stores) : codec_(std::move(codec)) {
  MutexLock lock(mutex_);
  Region region;
  region.meta.set_id(1);
  region.meta.mutable_region_epoch()->set_conf_ver(1);
  region.meta.mutable_region_epoch()->set_version(1);
  region.leader_store = 1;
  for (int i = 1; i <= stores; ++i) {
    metapb::Store& store = stores_[i];
    store.set_id(i);
    store.set_address("store-" + std::to_string(i));
    store.set_version("8.5.0");
    metapb::Peer* peer = region.meta.add_peers();
    peer->set_id(100 + i);
    peer->set_store_id(i);
  }
  regions_[""] = region;
  keyspaces_["DEFAULT"] = codec_.keyspace().value();
}

uint64_t FakeCluster::Split(std::string_view user_key) {
  MutexLock lock(mutex_);
  return SplitLocked(codec_.ToRequestKey(user_key));
}

uint64_t FakeCluster::SplitLocked(const std::string& request_key) {
  auto it = std::prev(regions_.upper_bound(request_key));
  Region& left = it->second;
  CHECK(left.meta.start_key() != request_key) << "there is a border already";
  left.meta.mutable_region_epoch()->set_version(left.meta.region_epoch().version() + 1);
  Region right = left;
  right.meta.set_id(next_id_++);
  right.meta.set_start_key(request_key);
  for (metapb::Peer& peer : *right.meta.mutable_peers()) peer.set_id(next_id_++);
  left.meta.set_end_key(request_key);
  regions_[request_key] = right;
  return right.meta.id();
}

std::vector<metapb::Region> FakeCluster::SplitAt(const std::vector<std::string>& request_keys) {
  MutexLock lock(mutex_);
  std::vector<metapb::Region> regions;
  for (const std::string& key : request_keys) {
    SplitLocked(key);
    if (regions.empty()) regions.push_back(std::prev(regions_.find(key))->second.meta);
    regions.push_back(regions_[key].meta);
  }
  return regions;
}

void FakeCluster::TransferLeader(uint64_t region_id, uint64_t store_id) {
  MutexLock lock(mutex_);
  for (auto& [start, region] : regions_) {
    if (region.meta.id() == region_id) region.leader_store = store_id;
  }
}

void FakeCluster::StopStore(uint64_t store_id) {
  MutexLock lock(mutex_);
  stopped_[store_id] = true;
}

void FakeCluster::StartStore(uint64_t store_id) {
  MutexLock lock(mutex_);
  stopped_[store_id] = false;
}

void FakeCluster::MoveStore(uint64_t store_id, std::string address) {
  MutexLock lock(mutex_);
  stores_[store_id].set_address(std::move(address));
}

void FakeCluster::AddScript(uint64_t store_id, Script script) {
  MutexLock lock(mutex_);
  scripts_[store_id].push_back(std::move(script));
}

void FakeCluster::AddScript(uint64_t store_id, errorpb::Error region_error) {
  Script script;
  script.region_error = std::move(region_error);
  AddScript(store_id, std::move(script));
}

void FakeCluster::AddPdError(absl::Status error) {
  MutexLock lock(mutex_);
  pd_errors_.push_back(std::move(error));
}

void FakeCluster::FreezePd() {
  MutexLock lock(mutex_);
  frozen_ = regions_;
}

void FakeCluster::ThawPd() {
  MutexLock lock(mutex_);
  frozen_.clear();
}

void FakeCluster::LimitAnswers(uint64_t bytes) {
  MutexLock lock(mutex_);
  max_answer_bytes_ = bytes;
}

uint64_t FakeCluster::max_answer_bytes() const {
  MutexLock lock(mutex_);
  return max_answer_bytes_;
}

void FakeCluster::Spoil(std::string_view user_key, std::string value) {
  MutexLock lock(mutex_);
  data_[codec_.ToRequestKey(user_key)].value = std::move(value);
}

std::map<std::string, FakeCluster::Entry> FakeCluster::entries() const {
  MutexLock lock(mutex_);
  return data_;
}

std::vector<std::string> FakeCluster::requests() const {
  MutexLock lock(mutex_);
  return requests_;
}

void FakeCluster::ClearRequests() {
  MutexLock lock(mutex_);
  requests_.clear();
}

int FakeCluster::pd_calls(std::string_view method) const {
  MutexLock lock(mutex_);
  auto it = pd_calls_.find(method);
  return it == pd_calls_.end() ? 0 : it->second;
}

metapb::Region FakeCluster::region_of(std::string_view user_key) const {
  MutexLock lock(mutex_);
  return std::prev(regions_.upper_bound(codec_.ToRequestKey(user_key)))->second.meta;
}

uint64_t FakeCluster::StoreAt(const std::string& address) const {
  MutexLock lock(mutex_);
  for (const auto& [id, store] : stores_) {
    if (store.address() == address) return id;
  }
  return 0;
}

bool FakeCluster::TakeScript(uint64_t store_id, Script& script) {
  for (const uint64_t queue : {store_id, uint64_t{0}}) {
    auto it = scripts_.find(queue);
    if (it == scripts_.end() || it->second.empty()) continue;
    script = std::move(it->second.front());
    it->second.pop_front();
    return true;
  }
  return false;
}

absl::Status FakeCluster::Serve(const Request& request, errorpb::Error* region_error) {
  Script script;
  {
    MutexLock lock(mutex_);
    requests_.push_back(std::string(request.name) + "@" + std::to_string(request.store_id));
    if (request.store_id == 0 || stopped_[request.store_id]) {
      return rpc::MarkNotExecuted(absl::UnavailableError("the store is stopped"));
    }
    TakeScript(request.store_id, script);
  }
  if (script.before) script.before();
  MutexLock lock(mutex_);
  if (!script.rpc_error.ok()) {
    if (script.apply_first) request.command(data_);
    if (script.arrive_late) late_.push_back(request.send_copy);
    return script.rpc_error;
  }
  if (script.region_error.ByteSizeLong() > 0) {
    *region_error = script.region_error;
    return absl::OkStatus();
  }
  if (Judge(request.store_id, request.context, request.keys, region_error)) request.command(data_);
  return absl::OkStatus();
}

size_t FakeCluster::DeliverLate() {
  std::vector<std::function<void()>> late;
  {
    MutexLock lock(mutex_);
    late.swap(late_);
  }
  for (const auto& send_copy : late) send_copy();
  return late.size();
}

bool FakeCluster::Judge(uint64_t store_id, const kvrpcpb::Context& context, const KeyRange& keys,
                        errorpb::Error* error) const {
  const Region* region = nullptr;
  for (const auto& [start, candidate] : regions_) {
    if (candidate.meta.id() == context.region_id()) region = &candidate;
  }
  if (region == nullptr) {
    error->mutable_region_not_found()->set_region_id(context.region_id());
    return false;
  }
  if (region->leader_store != store_id) {
    error->mutable_not_leader()->set_region_id(context.region_id());
    for (const metapb::Peer& peer : region->meta.peers()) {
      if (peer.store_id() == region->leader_store) {
        *error->mutable_not_leader()->mutable_leader() = peer;
      }
    }
    return false;
  }
  if (context.region_epoch().version() != region->meta.region_epoch().version()) {
    for (const auto& [start, current] : regions_) {
      *error->mutable_epoch_not_match()->add_current_regions() = Encoded(current.meta);
    }
    return false;
  }
  const KeyRange bounds{region->meta.start_key(), region->meta.end_key()};
  const bool fits = bounds.Contains(keys.start) &&
                    (bounds.end.empty() || (!keys.end.empty() && keys.end <= bounds.end));
  if (!fits) error->mutable_key_not_in_region()->set_key(keys.start);
  return fits;
}

}  // namespace flotilla::client::testing
