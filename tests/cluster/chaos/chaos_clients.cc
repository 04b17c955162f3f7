#include "tests/cluster/chaos/chaos_clients.h"

#include <spdlog/fmt/fmt.h>

#include <fstream>
#include <utility>

#include "common/base/status_macros.h"
#include "tests/cluster/await.h"
#include "tests/cluster/chaos/posted_clients.h"
#include "tests/workload/list_workload.h"
#include "tests/workload/pd_workload.h"
#include "tests/workload/register_workload.h"
#include "tests/workload/set_workload.h"

namespace flotilla::chaos {
namespace {

using std::chrono::seconds;
using testing::Workload;

client::ClientOptions OptionsOf(const Names& pds) {
  client::ClientOptions options;
  options.pd_addresses = pds;
  options.timeout = std::chrono::seconds(10);
  options.request_timeout = std::chrono::seconds(3);
  options.retry_budget = std::chrono::seconds(10);
  options.connect_timeout = std::chrono::seconds(20);
  return options;
}

}  // namespace

// A client by itself: its own threads, connections and caches.
class ChaosClients::Session {
 public:
  Session(const Names& pds, std::string name, env::Random random, ClientLoop* loop)
      : name_(std::move(name)),
        loop_(loop),
        random_(random),
        connection_(OptionsOf(pds)),
        pd_loop_("chaos-pd", &clock_),
        inner_pd_({.endpoints = pds}, &pd_loop_, &pool_, random_.Fork("pd")),
        pd_(&inner_pd_, loop) {
    pd_loop_.Start();
  }
  ~Session() { pd_loop_.Stop(); }

  absl::Status Open() {
    RETURN_IF_ERROR(connection_.OpenKeyspace());
    raw_ = std::make_unique<PostedRawClient>(&connection_.raw(), loop_);
    return absl::OkStatus();
  }
  testing::Caller caller() { return {name_, raw_.get(), &pd_, &random_}; }
  client::ClusterConnection& connection() { return connection_; }

 private:
  const std::string name_;
  ClientLoop* const loop_;
  const env::SystemClock clock_;
  env::Random random_;
  client::ClusterConnection connection_;
  rpc::GrpcEventLoop pd_loop_;
  rpc::ChannelPool pool_;
  pdclient::GrpcPdClient inner_pd_;
  PostedPdClient pd_;
  std::unique_ptr<PostedRawClient> raw_;
};

struct ChaosClients::Generation {
  explicit Generation(testing::WorkloadContext of) : context(std::move(of)) {}

  const testing::WorkloadContext context;
  testing::RegisterWorkload registers{context};
  testing::ListWorkload lists{context};
  testing::SetWorkload sets{context};
};

ChaosClients::ChaosClients(Plan plan) : plan_(std::move(plan)), random_(plan_.seed) {
  for (int i = 1; i <= plan_.clients; ++i) {
    const std::string name = fmt::format("client-{}", i);
    sessions_.push_back(std::make_unique<Session>(plan_.pds, name, random_.Fork(name), &loop_));
  }
}

ChaosClients::~ChaosClients() = default;

absl::Status ChaosClients::Connect() {
  for (const auto& session : sessions_) RETURN_IF_ERROR(session->Open());
  return absl::OkStatus();
}

client::ClusterConnection& ChaosClients::connection() { return sessions_.front()->connection(); }

void ChaosClients::Start() {
  loop_.Do([this] {
    pd_workload_ = std::make_unique<testing::PdWorkload>(testing::WorkloadContext{
        .clock = &clock_, .violations = &violations_, .tallies = &tallies_});
    BeginGeneration();
    for (size_t session = 0; session < sessions_.size(); ++session) {
      for (int slot = 0; slot < plan_.slots; ++slot) {
        ++under_way_;
        Begin(session, slot);
      }
    }
  });
}

void ChaosClients::BeginGeneration() {
  if (finishing_) return;
  const testing::WorkloadContext context{.prefix = fmt::format("g{:04}/", generations_.size()),
                                         .keys = 40,
                                         .clock = &clock_,
                                         .violations = &violations_,
                                         .tallies = &tallies_};
  generations_.push_back(std::make_unique<Generation>(context));
  loop_.PostAt(clock_.Now() + plan_.generation, [this] { BeginGeneration(); });
}

Workload& ChaosClients::AnyWorkload(env::Random& random) {
  Generation& now = *generations_.back();
  const uint64_t kind = random.Uniform(10);
  if (kind < 5) return now.registers;
  if (kind < 7) return now.lists;
  if (kind < 9) return now.sets;
  return *pd_workload_;
}

void ChaosClients::Begin(size_t session, int slot) {
  const testing::Caller caller = sessions_[session]->caller();
  AnyWorkload(*caller.random).Begin(caller, [this, session, slot] { OnDone(session, slot); });
}

void ChaosClients::OnDone(size_t session, int slot) {
  if (!violations_.empty()) clean_.store(false);
  if (finishing_) {
    --under_way_;
    return;
  }
  env::Random& random = *sessions_[session]->caller().random;
  const env::Duration pause(random.Uniform(static_cast<uint64_t>(plan_.max_pause.count())));
  loop_.PostAt(clock_.Now() + pause, [this, session, slot] {
    if (finishing_) {
      --under_way_;
    } else {
      Begin(session, slot);
    }
  });
}

bool ChaosClients::AwaitIdle(seconds within) {
  return cluster_test::Await(within, [this] {
    bool idle = false;
    loop_.Do([&] { idle = under_way_ == 0; });
    return idle;
  });
}

bool ChaosClients::Finish(seconds within) {
  loop_.Do([this] { finishing_ = true; });
  return AwaitIdle(within);
}

bool ChaosClients::ReadAndCheck(seconds within) {
  uint64_t refused_before = 0;
  loop_.Do([&] {
    refused_before = RefusedReads();
    const auto read = [this](Workload& workload) {
      ++under_way_;
      workload.BeginLastReads(sessions_.front()->caller(), [this] { --under_way_; });
    };
    for (const auto& generation : generations_) {
      read(generation->registers);
      read(generation->lists);
      read(generation->sets);
    }
    read(*pd_workload_);
  });
  if (!AwaitIdle(within)) return false;
  loop_.Do([&] {
    if (RefusedReads() > refused_before) {
      violations_.Add("the cluster is well again, and refuses to be read");
    }
    for (const auto& generation : generations_) generation->registers.Check();
    if (!violations_.empty()) clean_.store(false);
  });
  return true;
}

uint64_t ChaosClients::RefusedReads() {
  return tallies_["scan"].refused + tallies_["list read"].refused + tallies_["set read"].refused;
}

Control ChaosClients::control() {
  Control control;
  control.split = [this](uint64_t number) {
    loop_.Post([this, number] {
      const client::KeyCodec& codec = connection().regions().codec();
      // Any register's, of any generation.
      const std::string key =
          fmt::format("g{:04}/r{:03}", number % generations_.size(), number % 40);
      sessions_.front()->caller().pd->SplitRegions(
          {codec.ToRegionKey(codec.ToRequestKey(key))},
          [this](absl::StatusOr<pdpb::SplitRegionsResponse> answer) {
            testing::Tally& tally = tallies_["split"];
            ++(answer.ok() ? tally.done : tally.refused);
          });
    });
  };
  control.move_leader = [this](uint64_t number) {
    loop_.Post([this, number] {
      const client::KeyCodec& codec = connection().regions().codec();
      const std::string key = fmt::format("g{:04}/s", number % generations_.size());
      pdclient::PdClient* const pd = sessions_.front()->caller().pd;
      pd->GetRegion(codec.ToRegionKey(codec.ToRequestKey(key)),
                    [this, pd](absl::StatusOr<pdpb::Region> region) {
                      if (!region.ok()) return;
                      pd->ScatterRegions({RegionId(region->region().id())},
                                         [this](absl::Status status) {
                                           testing::Tally& tally = tallies_["move leader"];
                                           ++(status.ok() ? tally.done : tally.refused);
                                         });
                    });
    });
  };
  return control;
}

std::vector<std::string> ChaosClients::violations() {
  std::vector<std::string> all;
  loop_.Do([&] { all = violations_.all(); });
  return all;
}

testing::Tallies ChaosClients::tallies() {
  testing::Tallies all;
  loop_.Do([&] { all = tallies_; });
  return all;
}

void ChaosClients::WriteHistories(const std::string& directory) {
  loop_.Do([&] {
    for (const auto& generation : generations_) {
      std::string name = generation->context.prefix;
      name.back() = '.';
      std::ofstream(directory + "/" + name + "txt") << generation->registers.Describe();
    }
  });
}

}  // namespace flotilla::chaos
