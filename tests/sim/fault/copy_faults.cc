// Disks that are put back when they are out of date, and disks that were emptied.
#include <spdlog/fmt/fmt.h>

#include <map>
#include <memory>
#include <string>

#include "tests/sim/fault/fault.h"

namespace flotilla::sim {
namespace {

// Copies a store's disk, and later starts the store with the copy: PD must refuse it. Then the
// store has its own disk again, with which it starts as if nothing had been.
class OldCopies {
 public:
  bool Strike(Cluster& cluster, env::Random& random) {
    StoreNode& node = AnyOf(cluster.stores(), random);
    if (node.IsDamaged()) return false;
    Copy& copy = copies_[node.host()];
    if (copy.disk == nullptr || random.Chance(0.3)) {
      if (node.starts() == 0) return false;
      cluster.Note("copy the disk of " + node.host());
      copy = {node.disk().Copy(), node.id(), node.starts()};
      return true;
    }
    if (node.id() != copy.id || !IsOld(cluster, node, copy)) return false;
    PutBack(cluster, node, copy);
    return true;
  }

 private:
  struct Copy {
    std::unique_ptr<Disk> disk;
    StoreId id;
    int starts = 0;
  };

  // Was the store started since, or did PD hear that its log had come further? A copy of which
  // neither is true is not told from the store's own data: nobody may put it back.
  static bool IsOld(Cluster& cluster, const StoreNode& node, const Copy& copy) {
    if (node.starts() > copy.starts) return true;
    PdNode* const leader = cluster.PdLeader();
    if (leader == nullptr) return false;
    const auto memory = leader->replica().store().reader().StoreMemory(copy.id.value());
    return memory.ok() && memory->position() > copy.disk->log_engine.DurablePosition();
  }

  static void PutBack(Cluster& cluster, StoreNode& node, const Copy& copy) {
    if (node.IsUp()) node.Kill(testing::CrashMoment::kBetweenSteps);
    std::unique_ptr<Disk> own = node.ExchangeDisk(copy.disk->Copy());
    const absl::Status status = cluster.StartStore(node);
    cluster.Note(fmt::format("{} was started with an old copy of its disk: {}", node.host(),
                             status.ToString()));
    if (status.ok()) {
      cluster.violations().Add(
          fmt::format("store {} serves with an old copy of its disk", node.id()));
      node.Kill(testing::CrashMoment::kBetweenSteps);
    }
    node.ExchangeDisk(std::move(own));
    const absl::Status again = cluster.StartStore(node);
    cluster.Note(fmt::format("start {} with its own disk: {}", node.host(), again.ToString()));
  }

  std::map<std::string, Copy> copies_;
};

// A member of PD whose disk was emptied: it must not take part, whoever of the others is there.
// Then it has its own disk again.
bool EmptyPd(Cluster& cluster, env::Random& random) {
  if (cluster.pd().size() < 2) return false;
  PdNode& node = AnyOf(cluster.pd(), random);
  if (node.IsUp()) node.Kill();
  std::unique_ptr<Disk> own = node.ExchangeDisk(std::make_unique<Disk>(cluster.plan().pd.disk));
  cluster.StartPd(node);
  cluster.world().RunFor(std::chrono::milliseconds(random.Uniform(5000)));
  cluster.Note(fmt::format("{} was started with an empty disk: {}", node.host(),
                           node.death().ok() ? "it waits" : node.death().ToString()));
  if (node.HasJoined()) {
    cluster.violations().Add(fmt::format("{} takes part with an empty disk", node.host()));
  }
  node.Kill();
  node.ExchangeDisk(std::move(own));
  cluster.StartPd(node);
  return true;
}

}  // namespace

void AddCopyFaults(Faults& faults) {
  const auto copies = std::make_shared<OldCopies>();
  faults.push_back(std::make_unique<SimpleFault>(
      "old-copy",
      [copies](Cluster& cluster, env::Random& random) { return copies->Strike(cluster, random); }));
  faults.push_back(std::make_unique<SimpleFault>("empty-pd", EmptyPd));
}

}  // namespace flotilla::sim
