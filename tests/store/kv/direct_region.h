// One region that this store leads by a lease, with a replicator that applies at once: handlers of
// requests without Raft, network or threads.
#ifndef FLOTILLA_TESTS_STORE_KV_DIRECT_REGION_H_
#define FLOTILLA_TESTS_STORE_KV_DIRECT_REGION_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "store/kv/kv_api.h"
#include "store/region/region_state_machine.h"

namespace flotilla::store {

class DirectContext final : public multiraft::ApplyContext {
 public:
  explicit DirectContext(engine::KvEngine* engine) : engine_(engine), batch_(engine->NewBatch()) {}
  raft::EntryId at() const override { return {Term(6), Index(10)}; }
  engine::WriteBatch& batch() override { return *batch_; }
  void WriteOut() override {
    CHECK_OK(engine_->Write(*batch_));
    batch_->Clear();
  }

 private:
  engine::KvEngine* const engine_;
  std::unique_ptr<engine::WriteBatch> batch_;
};

// Applies what is proposed at once, or fails it with `error`.
class DirectReplicator final : public Replicator {
 public:
  void Propose(RegionId, multiraft::Proposal proposal) override {
    ++proposals;
    last_own_entry = proposal.own_entry;
    if (!error.ok()) return std::move(proposal.callback)(error);
    DirectContext context(engine);
    auto result = machine->Apply(context, proposal.command);
    context.WriteOut();
    if (!result.status.ok()) return std::move(proposal.callback)(result.status);
    std::move(proposal.callback)(multiraft::Applied{context.at(), std::move(result.payload)});
  }
  void Read(RegionId, multiraft::ReadRequest request) override {
    ++reads;
    std::move(request.callback)(error);
  }

  engine::KvEngine* engine = nullptr;
  RegionStateMachine* machine = nullptr;
  absl::Status error;
  int proposals = 0;
  int reads = 0;
  bool last_own_entry = false;
};

class DirectExecutor final : public ReadExecutor {
 public:
  void Run(env::Instant, Work work) override { std::move(work)(absl::OkStatus()); }
};

class RefusingSplitter final : public RegionSplitter {
 public:
  void Split(RegionViewPtr, std::vector<std::string> split_keys, SplitCallback done) override {
    keys = std::move(split_keys);
    std::move(done)(absl::UnavailableError("no PD here"));
  }
  std::vector<std::string> keys;
};

// Region 5, ["b", "y") of engine keys, whose only peer is 52 on store 2, in cluster 77.
struct DirectRegion {
  static constexpr uint64_t kRegion = 5;
  static constexpr uint64_t kStore = 2;
  static constexpr uint64_t kPeer = 52;
  static constexpr uint64_t kCluster = 77;
  static constexpr uint64_t kReserve = 1000;

  explicit DirectRegion(ApiVersion version) { UseApi(version); }

  // The region begins anew; its data stay.
  void UseApi(ApiVersion version) {
    codec = std::make_unique<KeyCodec>(version);
    metapb::Region meta;
    meta.set_id(kRegion);
    meta.set_start_key("b");
    meta.set_end_key("y");
    meta.mutable_region_epoch()->set_conf_ver(1);
    meta.mutable_region_epoch()->set_version(3);
    metapb::Peer* peer = meta.add_peers();
    peer->set_id(kPeer);
    peer->set_store_id(kStore);
    published = std::make_shared<PublishedPeer>();
    machine = std::make_unique<RegionStateMachine>(
        PeerIdentity{RegionId(kRegion), PeerId(kPeer), StoreId(kStore)}, Region(meta), &engine,
        nullptr, nullptr, published);
    published->leader = kPeer;
    published->term = 6;
    published->lease.Extend(Term(6), clock.Now() + std::chrono::seconds(1));
    index.Put({std::make_shared<const RegionView>(RegionView{Region(meta), *peer, published})});
    replicator.engine = &engine;
    replicator.machine = machine.get();
    reader = std::make_unique<LocalReader>(StoreId(kStore), &index, &replicator, &clock);
    KvDependencies on;
    on.store_id = StoreId(kStore);
    on.cluster_id = ClusterId(kCluster);
    on.codec = codec.get();
    on.engine = &engine;
    on.clock = &clock;
    on.reader = reader.get();
    on.replicator = &replicator;
    on.executor = &executor;
    on.splitter = &splitter;
    on.room = &room;
    on.slow_score = [this] { return slow_score; };
    api = std::make_unique<KvApi>(on, KvLimits{.max_entry_bytes = 1 << 20, .max_scan_bytes = 4096});
  }

  // What a client that knows the region writes into its requests.
  void FillContext(kvrpcpb::Context* context) const {
    context->set_region_id(kRegion);
    context->mutable_region_epoch()->set_version(3);
    context->mutable_region_epoch()->set_conf_ver(1);
    context->mutable_peer()->set_id(kPeer);
    context->mutable_peer()->set_store_id(kStore);
    if (codec->version() == ApiVersion::kV2) context->set_api_version(kvrpcpb::V2);
  }
  // Writes that add data are refused from now on.
  void FillDisk() {
    files.SetCapacity(files.TotalBytes());
    clock.Advance(disk::DiskReserve::kInterval);
    reserve.RunOnce();
    published->lease.Extend(Term(6), clock.Now() + std::chrono::seconds(1));
  }
  const RegionView& view() const { return *index.All().front(); }

  env::MemoryFileSystem files;
  engine::MemoryKvEngine engine{&files};
  env::ManualClock clock;
  metrics::Registry metrics;
  // Looks when a test runs it.
  disk::DiskReserve reserve{&files, ".", kReserve, &clock, &metrics};
  DiskRoom room{StoreId(kStore), &reserve, &metrics};
  std::unique_ptr<KeyCodec> codec;
  std::shared_ptr<PublishedPeer> published;
  std::unique_ptr<RegionStateMachine> machine;
  RegionIndex index;
  DirectReplicator replicator;
  DirectExecutor executor;
  RefusingSplitter splitter;
  double slow_score = 1;
  std::unique_ptr<LocalReader> reader;
  std::unique_ptr<KvApi> api;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_TESTS_STORE_KV_DIRECT_REGION_H_
