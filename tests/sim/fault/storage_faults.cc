// Disks that stand still, that fail and that are full, and writes that are flushed when nobody
// expects it.
#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "common/base/check.h"
#include "tests/sim/fault/fault.h"

namespace flotilla::sim {
namespace {

template <typename Node>
bool SlowStageOf(Cluster& cluster, Node& node, env::Random& random) {
  if (!node.IsUp()) return false;
  testing::SimScheduler& process = node.scheduler();
  const std::vector<std::string_view> names = process.StageNames();
  if (random.Chance(0.5)) {
    cluster.Note(fmt::format("all stages of {} go on", node.host()));
    for (const std::string_view name : names) process.HoldStage(name, false);
    return true;
  }
  const std::string_view stage = names[random.Uniform(names.size())];
  cluster.Note(fmt::format("stage {} of {} stands still", stage, node.host()));
  process.HoldStage(stage, true);
  return true;
}

// One stage of a process stands still: the disk of its log, an apply worker, a snapshot's builder.
bool SlowStage(Cluster& cluster, env::Random& random) {
  if (random.Chance(0.3)) return SlowStageOf(cluster, AnyOf(cluster.pd(), random), random);
  return SlowStageOf(cluster, AnyOf(cluster.stores(), random), random);
}
bool Flush(Cluster& cluster, env::Random& random) {
  StoreNode& node = AnyOf(cluster.stores(), random);
  if (!node.IsServing()) return false;
  cluster.Note("flush " + node.host());
  CHECK_OK(node.disk().engine.Flush());
  return true;
}

// No file of the store grows any more: snapshots are neither made nor taken, writes that add data
// are refused; and when the reserve is nearly gone too, entries of other leaders are not taken.
bool FillDisk(Cluster& cluster, env::Random& random) {
  StoreNode& node = AnyOf(cluster.stores(), random);
  if (!node.IsServing()) return false;
  env::MemoryFileSystem& files = node.disk().files;
  if (random.Chance(0.5)) {
    cluster.Note(fmt::format("the disk of {} has room", node.host()));
    files.SetCapacity(UINT64_MAX);
    return true;
  }
  const uint64_t bytes = files.TotalBytes();
  const bool takes_the_reserve = random.Chance(0.3);
  cluster.Note(fmt::format("the disk of {} is full{}", node.host(),
                           takes_the_reserve ? ", and without its reserve" : ""));
  // Less than there is: as if somebody else took what the reserve gave back.
  files.SetCapacity(takes_the_reserve ? bytes - std::min(bytes, cluster.plan().store.reserve_bytes)
                                      : bytes);
  return true;
}

// The process must stop itself before it acknowledges anything more.
bool FailSync(Cluster& cluster, env::Random& random) {
  if (random.Chance(0.25)) {
    PdNode& node = AnyOf(cluster.pd(), random);
    if (!node.IsUp()) return false;
    cluster.Note("the next sync of " + node.host() + " fails");
    node.disk().FailNextSync(random);
    return true;
  }
  StoreNode& node = AnyOf(cluster.stores(), random);
  if (!node.IsServing()) return false;
  cluster.Note("the next sync of " + node.host() + " fails");
  node.disk().FailNextSync(random);
  return true;
}

// A bit flips on a disk, in a log or in the data. The process must stop itself when it reads that,
// and serve nothing of it; then the disk is replaced. Some are restarted at once, and read a lot.
bool Damage(Cluster& cluster, env::Random& random) {
  StoreNode& node = AnyOf(cluster.stores(), random);
  if (!cluster.atlas().MayDamage(cluster.stores(), node)) return false;
  const std::string where = node.Damage(random);
  if (where.empty()) return false;
  cluster.atlas().OnLost(node.id());
  cluster.Note(fmt::format("{} of {} is damaged", where, node.host()));
  if (!node.IsUp() || random.Chance(0.6)) return true;
  cluster.Note("restart " + node.host());
  node.Kill(testing::CrashMoment::kBetweenSteps);
  const absl::Status status = cluster.StartStore(node);
  if (!status.ok()) cluster.Note(node.host() + " did not start: " + status.ToString());
  return true;
}

}  // namespace

void AddStorageFaults(Faults& faults) {
  faults.push_back(std::make_unique<SimpleFault>("slow-stage", SlowStage));
  faults.push_back(std::make_unique<SimpleFault>("flush", Flush));
  faults.push_back(std::make_unique<SimpleFault>("fail-sync", FailSync));
  faults.push_back(std::make_unique<SimpleFault>("full-disk", FillDisk));
  faults.push_back(std::make_unique<SimpleFault>("damage", Damage));
}

}  // namespace flotilla::sim
