#include "tests/store/store_cluster.h"

#include <utility>

#include "common/base/check.h"
#include "store/recovery.h"

namespace flotilla::store {
namespace {

constexpr env::Duration kAnswerLimit = std::chrono::seconds(20);
constexpr int kAttempts = 30;

}  // namespace

SimStore::SimStore(const Parts& parts, const StoreClusterOptions& options)
    : reserve_(parts.files, ".", 0, parts.process, &metrics_),
      room_(parts.id, &reserve_, &metrics_),
      members_(parts.pd, parts.transport, &metrics_),
      hub_(parts.engine) {
  manager_ = std::make_unique<RegionManager>(RegionManagerDependencies{.store_id = parts.id,
                                                                       .engine = parts.engine,
                                                                       .clock = parts.process,
                                                                       .transport = parts.transport,
                                                                       .index = &index_,
                                                                       .snapshots = &hub_,
                                                                       .installer = &hub_,
                                                                       .room = &room_,
                                                                       .members = &members_},
                                             options.peer);
  multiraft::HostConfig config = options.host;
  config.store_id = parts.id;
  multiraft::HostDependencies dependencies;
  dependencies.clock = parts.process;
  dependencies.random = parts.random;
  dependencies.scheduler = parts.process;
  dependencies.log_engine = parts.log_engine;
  dependencies.kv_engine = parts.engine;
  dependencies.transport = parts.transport;
  dependencies.tenant = manager_.get();
  dependencies.metrics = &metrics_;
  host_ = std::make_unique<multiraft::Host>(config, std::move(dependencies));
  OpenSnapshots(parts);
  replicator_ = std::make_unique<HostReplicator>(host_.get());
  reader_ = std::make_unique<LocalReader>(parts.id, &index_, replicator_.get(), parts.process);
  in_flight_ = std::make_unique<rpc::InFlight>(rpc::InFlightLimits{}, &metrics_);
  reads_ = std::make_unique<ReadStage>(parts.process, in_flight_.get());
  reads_->SetWaker(parts.process->Add(reads_.get()));
  splitter_ =
      std::make_unique<PdRegionSplitter>(parts.pd, replicator_.get(), parts.codec, parts.process);
  split_checker_ = std::make_unique<SplitChecker>(parts.engine, splitter_.get(), options.split);
  split_checker_->SetWaker(parts.process->Add(split_checker_.get()));
  instructions_ = std::make_unique<InstructionHandler>(
      InstructionHandler::Targets{.host = host_.get(),
                                  .manager = manager_.get(),
                                  .splitter = splitter_.get(),
                                  .split_checker = split_checker_.get(),
                                  .clock = parts.process});
  api_ = std::make_unique<KvApi>(
      KvDependencies{.store_id = parts.id,
                     .cluster_id = parts.pd->cluster_id(),
                     .codec = parts.codec,
                     .engine = parts.engine,
                     .clock = parts.process,
                     .reader = reader_.get(),
                     .replicator = replicator_.get(),
                     .executor = reads_.get(),
                     .splitter = splitter_.get(),
                     .room = &room_,
                     .slow_score = [host = host_.get()] { return host->SlowScore(); }},
      KvLimits{});
  manager_->Connect(
      host_.get(),
      [pd = parts.pd](pdpb::RegionHeartbeatRequest report) {
        pd->SendRegionHeartbeat(std::move(report));
      },
      [this](RegionViewPtr view) { split_checker_->Check(std::move(view)); });
  Recover(parts);
}

SimStore::~SimStore() { host_.reset(); }

void SimStore::Recover(const Parts& parts) {
  auto recovered = RecoverRegions(*parts.engine, *parts.log_engine, hub_);
  CHECK_OK(recovered.status());
  for (const PersistedRegion& region : recovered->regions) {
    const RegionId id(region.state.region.id());
    const auto kept = parts.log_engine->Load(id);
    parts.promises->OnStart(id, region.state.peer_id, kept.ok() ? *kept : raftlog::GroupState{});
  }
  manager_->Start(recovered->regions, std::move(recovered->tombstones));
}

void SimStore::OpenSnapshots(const Parts& parts) {
  SnapshotOptions options;
  options.registry.root = "snapshot";
  SnapshotCallbacks callbacks;
  callbacks.read_region = [engine = parts.engine](const engine::Snapshot& view, RegionId id) {
    return ReadRegionInView(*engine, view, id);
  };
  callbacks.conf_state = [](std::string_view state) { return ConfStateOf(state); };
  callbacks.deliver = [this](net::Envelope envelope) { hub_.OnReceived(std::move(envelope)); };
  callbacks.report = [this](RegionId id, PeerId to, bool succeeded) {
    host_->ReportSnapshot(id, to, succeeded);
  };
  auto opened = SnapshotService::Open(options,
                                      {.engine = parts.engine,
                                       .files = parts.files,
                                       .clock = parts.process,
                                       .scheduler = parts.process,
                                       .connector = parts.connector,
                                       .metrics = &metrics_},
                                      std::move(callbacks));
  CHECK_OK(opened.status());
  snapshots_ = *std::move(opened);
  hub_.Connect(snapshots_.get());
  hub_.Connect(manager_.get());
}

StoreCluster::StoreCluster(const StoreClusterOptions& options)
    : options_(options),
      random_(env::Random(options.seed).Fork("cluster")),
      world_(options.seed),
      network_process_(&world_),
      network_(&network_process_, env::Random(options.seed).Fork("network")),
      links_(&network_, [this](StoreId id) {
        const int store = static_cast<int>(id.value());
        return IsUp(store) ? &this->store(store).snapshots() : nullptr;
      }) {
  network_.SetTap([this](const net::Envelope& envelope) { promises_.OnSend(envelope); });
  pd_.on_heartbeat = [this](const pdpb::RegionHeartbeatRequest& heartbeat) {
    region_history_.OnHeartbeat(heartbeat);
  };
  network_.SetWaker(network_process_.Add(&network_));
  network_process_.Start();
  metapb::Region first;
  first.set_id(kFirstRegion);
  first.mutable_region_epoch()->set_conf_ver(1);
  first.mutable_region_epoch()->set_version(1);
  for (int i = 1; i <= options.voters; ++i) {
    metapb::Peer* peer = first.add_peers();
    peer->set_id(static_cast<uint64_t>(100 + i));
    peer->set_store_id(static_cast<uint64_t>(i));
  }
  for (int i = 1; i <= options.stores; ++i) {
    nodes_.push_back(std::make_unique<Node>());
    Node& node = *nodes_.back();
    node.engine = std::make_unique<engine::MemoryKvEngine>(
        &node.files, engine::MemoryKvOptions{.flush_at_bytes = options.flush_at_bytes});
    node.drift_ppm = static_cast<int64_t>(random_.Uniform(2 * options.max_drift_ppm + 1)) -
                     static_cast<int64_t>(options.max_drift_ppm);
    node.log_engine = std::make_unique<raftlog::MemoryLogEngine>();
    if (i <= options.voters) {
      const auto batch = node.engine->NewBatch();
      PutRegionState(*batch,
                     {RegionState::Kind::kNormal, PeerId(static_cast<uint64_t>(100 + i)), first});
      PutApplied(*batch, RegionId(kFirstRegion), kInitialPosition);
      CHECK_OK(node.engine->Write(*batch));
      CHECK_OK(node.engine->Flush());
    }
    Start(i);
  }
}

StoreCluster::~StoreCluster() {
  for (int i = 1; i <= options_.stores; ++i) {
    if (IsUp(i)) Crash(i);
  }
}

void StoreCluster::Start(int store) {
  Node& node = *nodes_[static_cast<size_t>(store) - 1];
  const StoreId id(static_cast<uint64_t>(store));
  node.process = std::make_unique<testing::SimScheduler>(&world_, node.drift_ppm);
  node.store = std::make_unique<SimStore>(SimStore::Parts{.id = id,
                                                          .engine = node.engine.get(),
                                                          .log_engine = node.log_engine.get(),
                                                          .files = &node.files,
                                                          .process = node.process.get(),
                                                          .transport = network_.TransportOf(id),
                                                          .connector = links_.ConnectorOf(id),
                                                          .pd = &pd_,
                                                          .codec = &codec_,
                                                          .promises = &promises_,
                                                          .random = env::Random(random_.Next())},
                                          options_);
  network_.SetHandler(id, [manager = &node.store->manager()](net::Envelope envelope) {
    manager->OnEnvelope(std::move(envelope));
  });
  node.process->Start();
}

void StoreCluster::Kill(int store, testing::CrashMoment moment) {
  Node& node = *nodes_[static_cast<size_t>(store) - 1];
  CHECK(node.store != nullptr);
  const StoreId id(static_cast<uint64_t>(store));
  network_.SetHandler(id, nullptr);
  network_.Mute(id, true);
  links_.Break(id);
  if (moment == testing::CrashMoment::kAfterLogWrite) node.process->RunStage("log-writer");
  node.process->Stop();
  node.store.reset();
  node.process.reset();
  node.engine->Crash();
  node.log_engine->Crash();
  node.files.Crash();
  network_.Mute(id, false);
}

void StoreCluster::FlushData(int store) { CHECK_OK(engine(store).Flush()); }

void StoreCluster::Restart(int store) {
  CHECK(!IsUp(store));
  Start(store);
}

RegionViewPtr StoreCluster::ViewOn(int store, const std::string& key) {
  if (!IsUp(store)) return nullptr;
  return this->store(store).index().FindByKey(codec_.Encode(RawKey(key)));
}

RegionViewPtr StoreCluster::LeaderOf(const std::string& key) {
  for (int i = 1; i <= options_.stores; ++i) {
    RegionViewPtr view = ViewOn(i, key);
    if (view != nullptr && view->peer->leader.load() == view->self.id()) return view;
  }
  return nullptr;
}

RegionViewPtr StoreCluster::WaitForLeader(const std::string& key) {
  RegionViewPtr view;
  RunUntil([&] { return (view = LeaderOf(key)) != nullptr; });
  return view;
}

kvrpcpb::Context StoreCluster::ContextOf(const RegionView& view) const {
  kvrpcpb::Context context;
  context.set_api_version(kvrpcpb::V2);
  context.set_region_id(view.region.id().value());
  *context.mutable_region_epoch() = view.region.meta().region_epoch();
  *context.mutable_peer() = view.self;
  context.set_max_execution_duration_ms(10'000);
  return context;
}

template <typename Request, typename Response>
bool StoreCluster::Ask(const std::string& key, Request request, Response* response,
                       void (KvApi::*method)(const Request&, Response*, rpc::Done)) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const RegionViewPtr view = WaitForLeader(key);
    if (view == nullptr) return false;
    *request.mutable_context() = ContextOf(*view);
    // Both must live until the answer comes, which a crash may put off to the store's end.
    auto asked = std::make_shared<Request>(request);
    auto answer = std::make_shared<Response>();
    auto done = std::make_shared<bool>(false);
    KvApi& api = store(static_cast<int>(view->self.store_id())).api();
    (api.*method)(*asked, answer.get(),
                  [asked, answer, done](absl::Status status) { *done = status.ok(); });
    if (RunUntil([&] { return *done; }, kAnswerLimit) && !answer->has_region_error()) {
      *response = *answer;
      return true;
    }
    world_.RunFor(std::chrono::milliseconds(100));
  }
  return false;
}

bool StoreCluster::Put(const std::string& key, const std::string& value, uint64_t ttl) {
  kvrpcpb::RawPutRequest request;
  request.set_key(RawKey(key));
  request.set_value(value);
  request.set_ttl(ttl);
  kvrpcpb::RawPutResponse response;
  return Ask(key, request, &response, &KvApi::RawPut) && response.error().empty();
}

std::optional<std::string> StoreCluster::Get(const std::string& key) {
  kvrpcpb::RawGetRequest request;
  request.set_key(RawKey(key));
  kvrpcpb::RawGetResponse response;
  if (!Ask(key, request, &response, &KvApi::RawGet) || response.not_found()) return std::nullopt;
  return response.value();
}

bool StoreCluster::Split(const std::string& key) {
  kvrpcpb::SplitRegionRequest request;
  request.add_split_keys(RawKey(key));
  kvrpcpb::SplitRegionResponse response;
  return Ask(key, request, &response, &KvApi::SplitRegion) && response.regions_size() == 2;
}

void StoreCluster::Instruct(const std::string& key, pdpb::RegionHeartbeatResponse instruction) {
  const RegionViewPtr view = WaitForLeader(key);
  CHECK(view != nullptr);
  instruction.set_region_id(view->region.id().value());
  *instruction.mutable_region_epoch() = view->region.meta().region_epoch();
  *instruction.mutable_target_peer() = view->self;
  store(static_cast<int>(view->self.store_id()))
      .instructions()
      .OnInstruction(std::move(instruction));
}

}  // namespace flotilla::store
