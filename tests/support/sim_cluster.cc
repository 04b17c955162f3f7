#include "tests/support/sim_cluster.h"

#include <utility>

#include "common/base/check.h"

namespace flotilla::testing {

SimCluster::SimCluster(const SimClusterOptions& options)
    : options_(options),
      random_(env::Random(options.seed).Fork("cluster")),
      world_(options.seed),
      network_process_(&world_),
      network_(&network_process_, random_.Fork("network")) {
  network_.SetWaker(network_process_.Add(&network_));
  network_.SetTap([this](const net::Envelope& envelope) {
    promises_.OnSend(envelope);
    history_.members().OnSend(envelope);
  });
  network_process_.Start();
  for (int region = 1; region <= options.regions; ++region) {
    raft::ConfState conf;
    for (int voter = 1; voter <= options.voters; ++voter) {
      conf.voters.push_back(PeerOf(RegionId(region), StoreId(voter)));
    }
    history_.members().OnBootstrap(RegionId(region), KvStore::kInitial.index, conf);
  }
  for (int i = 1; i <= options.stores; ++i) {
    auto node = std::make_unique<Node>();
    node->kv_engine = std::make_unique<engine::MemoryKvEngine>(
        &node->files, engine::MemoryKvOptions{.flush_at_bytes = options.flush_at_bytes});
    node->log_engine = std::make_unique<raftlog::MemoryLogEngine>(options.log_flush_at_bytes);
    if (options.max_drift_ppm > 0) {
      node->drift_ppm = static_cast<int64_t>(random_.Uniform(2 * options.max_drift_ppm + 1)) -
                        options.max_drift_ppm;
    }
    for (int region = 1; region <= options.regions && i <= options.voters; ++region) {
      const RegionId id(region);
      KvStore::Bootstrap(node->kv_engine.get(), id, PeerOf(id, StoreId(i)),
                         history_.members().At(id, KvStore::kInitial.index)->voters);
    }
    nodes_.push_back(std::move(node));
  }
  for (int i = 1; i <= options.stores; ++i) Start(i);
}

SimCluster::~SimCluster() {
  for (int i = 1; i <= options_.stores; ++i) {
    if (IsUp(i)) Crash(i);
  }
}

void SimCluster::Start(int store) {
  Node& node = *nodes_[store - 1];
  node.process = std::make_unique<SimScheduler>(&world_, node.drift_ppm);
  KvStoreOptions options;
  options.host = options_.host;
  options.host.store_id = StoreId(store);
  options.clock = node.process.get();
  options.random = env::Random(random_.Next());
  options.scheduler = node.process.get();
  options.log_engine = node.log_engine.get();
  options.kv_engine = node.kv_engine.get();
  options.transport = network_.TransportOf(StoreId(store));
  options.history = &history_;
  options.promises = &promises_;
  node.store = std::make_unique<KvStore>(options);
  multiraft::Host* host = &node.store->host();
  network_.SetHandler(StoreId(store),
                      [host](net::Envelope envelope) { host->Step(std::move(envelope)); });
  node.process->Start();
}

void SimCluster::Kill(int store, CrashMoment moment) {
  Node& node = *nodes_[store - 1];
  network_.SetHandler(StoreId(store), nullptr);
  network_.Mute(StoreId(store), true);
  if (moment == CrashMoment::kAfterLogWrite) node.process->RunStage("log-writer");
  node.process->Stop();
  node.store.reset();
  node.process.reset();
  node.kv_engine->Crash();
  node.log_engine->Crash();
  network_.Mute(StoreId(store), false);
}

void SimCluster::Restart(int store) {
  CHECK(!IsUp(store));
  Start(store);
  CheckReplicas(store);
}

void SimCluster::FlushData(int store) { CHECK_OK(kv_engine(store).Flush()); }

void SimCluster::CheckReplicas(int store) {
  for (const RegionId region : KvGroupStorage::Regions(kv_engine(store))) {
    const KvGroupStorage storage(&kv_engine(store), region);
    const KvGroupState state = *storage.Load();
    history_.CheckReplica(region, StoreId(store), state.applied.index, storage.Rows(),
                          state.conf_state);
  }
}

int SimCluster::LeaderOf(int region) {
  for (int i = 1; i <= options_.stores; ++i) {
    if (IsUp(i) && store(i).IsReadyLeader(RegionId(region))) return i;
  }
  return 0;
}

int SimCluster::WaitForLeader(int region, env::Duration limit) {
  world_.RunUntil([&] { return LeaderOf(region) != 0; }, limit);
  return LeaderOf(region);
}

absl::StatusOr<multiraft::Applied> SimCluster::Finish(int store_id, int region,
                                                      multiraft::Proposal proposal,
                                                      env::Duration limit) {
  auto result = std::make_shared<std::optional<absl::StatusOr<multiraft::Applied>>>();
  proposal.callback = [result](absl::StatusOr<multiraft::Applied> outcome) {
    CHECK(!result->has_value()) << "called twice";
    *result = std::move(outcome);
  };
  store(store_id).host().Propose(RegionId(region), std::move(proposal));
  world_.RunUntil([&] { return result->has_value(); }, limit);
  if (!result->has_value()) return absl::DeadlineExceededError("no outcome");
  return **result;
}

absl::StatusOr<multiraft::Applied> SimCluster::Propose(int store, int region,
                                                       const KvCommand& command,
                                                       env::Duration limit) {
  multiraft::Proposal proposal;
  proposal.command = EncodeKvCommand(command);
  proposal.own_entry = command.kind == KvCommand::Kind::kAppend;
  return Finish(store, region, std::move(proposal), limit);
}

absl::StatusOr<multiraft::Applied> SimCluster::ProposeConfChange(int store, int region,
                                                                 const raft::ConfChange& change,
                                                                 env::Duration limit) {
  multiraft::Proposal proposal;
  proposal.conf_change = change;
  return Finish(store, region, std::move(proposal), limit);
}

bool SimCluster::Put(int region, const std::string& key, const std::string& value,
                     env::Duration limit) {
  const env::Instant end = world_.now() + limit;
  // Each attempt writes another value: a history takes a value for one write.
  for (int attempt = 0; world_.now() < end; ++attempt) {
    const int leader = WaitForLeader(region, end - world_.now());
    if (leader == 0) return false;
    const std::string unique = attempt == 0 ? value : value + "#" + std::to_string(attempt);
    const auto write = history_.BeginWrite(key, unique);
    auto applied =
        Propose(leader, region, {KvCommand::Kind::kPut, key, unique}, std::chrono::seconds(3));
    if (applied.ok()) {
      history_.EndWrite(write, applied->at);
      return true;
    }
    world_.RunFor(std::chrono::milliseconds(50));
  }
  return false;
}

absl::Status SimCluster::Read(int store_id, int region, env::Duration limit) {
  auto result = std::make_shared<std::optional<absl::Status>>();
  multiraft::ReadRequest read;
  read.callback = [result](absl::Status status) {
    CHECK(!result->has_value()) << "called twice";
    *result = std::move(status);
  };
  store(store_id).host().Read(RegionId(region), std::move(read));
  world_.RunUntil([&] { return result->has_value(); }, limit);
  return result->has_value() ? **result : absl::DeadlineExceededError("no outcome");
}

absl::StatusOr<multiraft::GroupStatus> SimCluster::Inspect(int store_id, int region) {
  auto result = std::make_shared<std::optional<absl::StatusOr<multiraft::GroupStatus>>>();
  store(store_id).host().Inspect(
      RegionId(region),
      [result](absl::StatusOr<multiraft::GroupStatus> status) { *result = std::move(status); });
  world_.RunUntil([&] { return result->has_value(); }, std::chrono::seconds(1));
  if (!result->has_value()) return absl::DeadlineExceededError("no outcome");
  return **result;
}

std::string SimCluster::Describe(int region) {
  std::string text;
  for (int i = 1; i <= options_.stores; ++i) {
    text += fmt::format("store {}: ", i);
    if (!IsUp(i)) {
      text += "down\n";
      continue;
    }
    const auto status = Inspect(i, region);
    if (!status.ok()) {
      text += status.status().ToString() + "\n";
      continue;
    }
    const raft::NodeStatus& node = status->node;
    text += fmt::format(
        "peer {} {} leader {}, term {}, commit {}, applied {}, log ({}, {}], voters", node.id,
        static_cast<int>(node.soft_state.role), node.soft_state.leader, node.hard_state.term,
        node.hard_state.commit, node.applied, status->log_truncated.index, node.last_index);
    for (const PeerId peer : node.conf_state.voters) text += fmt::format(" {}", peer);
    for (const PeerId peer : node.conf_state.voters_outgoing) text += fmt::format(" out {}", peer);
    for (const PeerId peer : node.conf_state.learners) text += fmt::format(" learner {}", peer);
    for (const auto& [peer, progress] : node.progress) {
      text +=
          fmt::format("; {}: {} match {}", peer, static_cast<int>(progress.state), progress.match);
    }
    text += "\n";
  }
  return text;
}

bool SimCluster::WaitForEqualApplied(int region, env::Duration limit) {
  return world_.RunUntil(
      [&] {
        std::optional<Index> first;
        for (int i = 1; i <= options_.stores; ++i) {
          if (!IsUp(i)) continue;
          const auto state = store(i).Storage(RegionId(region)).Load();
          if (!state) continue;
          if (!first) first = state->applied.index;
          if (state->applied.index != *first) return false;
        }
        return true;
      },
      limit);
}

}  // namespace flotilla::testing
