#include "tests/store/store_cluster.h"

#include <utility>

#include "common/base/check.h"
#include "store/recovery.h"

namespace flotilla::store {
namespace {

constexpr env::Duration kAnswerLimit = std::chrono::seconds(20);
constexpr int kAttempts = 30;

// Passes the messages of a snapshot on at once, in the thread of the sender.
class DirectLink final : public OutgoingSnapshot,
                         public IncomingSnapshotControl,
                         public std::enable_shared_from_this<DirectLink> {
 public:
  explicit DirectLink(std::shared_ptr<OutgoingSnapshotHandler> handler)
      : handler_(std::move(handler)) {}

  void SetIncoming(std::shared_ptr<IncomingSnapshot> incoming) { incoming_ = std::move(incoming); }
  void Send(SnapshotMessage message) override {
    waiting_.push_back(std::move(message));
    Pump();
  }
  void Wake() override { Pump(); }
  void Cancel() override { Close(absl::CancelledError("the sender gave up")); }
  void Answer(const absl::Status& status) override { Close(status); }

 private:
  void Pump() {
    const auto self = shared_from_this();
    while (incoming_ != nullptr && !waiting_.empty() && incoming_->HasRoom()) {
      SnapshotMessage message = std::move(waiting_.front());
      waiting_.erase(waiting_.begin());
      incoming_->OnMessage(std::move(message));
      if (handler_ != nullptr) handler_->OnSent();
    }
  }
  void Close(const absl::Status& status) {
    const auto self = shared_from_this();
    const auto incoming = std::exchange(incoming_, nullptr);
    const auto handler = std::exchange(handler_, nullptr);
    if (incoming != nullptr) incoming->OnClosed();
    if (handler != nullptr) handler->OnClosed(status);
  }

  std::shared_ptr<OutgoingSnapshotHandler> handler_;
  std::shared_ptr<IncomingSnapshot> incoming_;
  std::vector<SnapshotMessage> waiting_;
};

class ClusterConnector final : public SnapshotConnector {
 public:
  explicit ClusterConnector(StoreCluster* cluster) : cluster_(cluster) {}

  std::shared_ptr<OutgoingSnapshot> Open(
      StoreId to, std::shared_ptr<OutgoingSnapshotHandler> handler) override {
    auto link = std::make_shared<DirectLink>(std::move(handler));
    const int store = static_cast<int>(to.value());
    if (!cluster_->IsUp(store)) {
      link->Answer(absl::UnavailableError("the store is down"));
      return link;
    }
    link->SetIncoming(cluster_->store(store).snapshots().Accept(link));
    return link;
  }

 private:
  StoreCluster* const cluster_;
};

// The connectors live as long as their cluster.
std::unique_ptr<SnapshotConnector> MakeConnector(StoreCluster* cluster) {
  return std::make_unique<ClusterConnector>(cluster);
}

}  // namespace

SimStore::SimStore(const Parts& parts, const StoreClusterOptions& options) : hub_(parts.engine) {
  manager_ = std::make_unique<RegionManager>(RegionManagerDependencies{.store_id = parts.id,
                                                                       .engine = parts.engine,
                                                                       .clock = parts.process,
                                                                       .transport = parts.transport,
                                                                       .index = &index_,
                                                                       .snapshots = &hub_,
                                                                       .installer = &hub_},
                                             RegionPeerConfig{});
  multiraft::HostConfig config = options.host;
  config.store_id = parts.id;
  multiraft::HostDependencies dependencies;
  dependencies.clock = parts.process;
  dependencies.random = env::Random(options.seed * 100 + parts.id.value());
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
  reads_.SetWaker(parts.process->Add(&reads_));
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
  api_ = std::make_unique<KvApi>(KvDependencies{.store_id = parts.id,
                                                .cluster_id = parts.pd->cluster_id(),
                                                .codec = parts.codec,
                                                .engine = parts.engine,
                                                .clock = parts.process,
                                                .reader = reader_.get(),
                                                .replicator = replicator_.get(),
                                                .executor = &reads_,
                                                .splitter = splitter_.get()},
                                 KvLimits{});
  manager_->Connect(
      host_.get(),
      [pd = parts.pd](pdpb::RegionHeartbeatRequest report) {
        pd->SendRegionHeartbeat(std::move(report));
      },
      [this](RegionViewPtr view) { split_checker_->Check(std::move(view)); });
  auto recovered = RecoverRegions(*parts.engine, *parts.log_engine, hub_);
  CHECK_OK(recovered.status());
  manager_->Start(recovered->regions, std::move(recovered->tombstones));
}

SimStore::~SimStore() { host_.reset(); }

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
      world_(options.seed),
      network_process_(&world_),
      network_(&network_process_, env::Random(options.seed).Fork("network")),
      connector_(MakeConnector(this)) {
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
    node.engine = std::make_unique<engine::MemoryKvEngine>(&node.files);
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
    network_.SetHandler(StoreId(static_cast<uint64_t>(i)), nullptr);
  }
  for (const auto& node : nodes_) node->store.reset();
}

void StoreCluster::Start(int store) {
  Node& node = *nodes_[static_cast<size_t>(store) - 1];
  const StoreId id(static_cast<uint64_t>(store));
  node.process = std::make_unique<testing::SimScheduler>(&world_);
  node.store = std::make_unique<SimStore>(SimStore::Parts{.id = id,
                                                          .engine = node.engine.get(),
                                                          .log_engine = node.log_engine.get(),
                                                          .files = &node.files,
                                                          .process = node.process.get(),
                                                          .transport = network_.TransportOf(id),
                                                          .connector = connector_.get(),
                                                          .pd = &pd_,
                                                          .codec = &codec_},
                                          options_);
  network_.SetHandler(id, [manager = &node.store->manager()](net::Envelope envelope) {
    manager->OnEnvelope(std::move(envelope));
  });
  node.process->Start();
}

void StoreCluster::Crash(int store) {
  Node& node = *nodes_[static_cast<size_t>(store) - 1];
  CHECK(node.store != nullptr);
  network_.SetHandler(StoreId(static_cast<uint64_t>(store)), nullptr);
  node.store.reset();
  node.process.reset();
  node.engine->Crash();
  node.log_engine->Crash();
  node.files.Crash();
}

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
