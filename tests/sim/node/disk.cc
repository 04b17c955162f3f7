#include "tests/sim/node/disk.h"

#include <spdlog/fmt/fmt.h>

#include <map>
#include <vector>

namespace flotilla::sim {
namespace {

std::string DamageLog(raftlog::MemoryLogEngine& log, env::Random& random) {
  const auto groups = log.LoadAll();
  if (!groups.ok()) return "";
  std::vector<std::pair<RegionId, const raftlog::GroupState*>> filled;
  for (const auto& [region, group] : *groups) {
    if (group.last.index > group.truncated.index) filled.emplace_back(region, &group);
  }
  if (filled.empty()) return "";
  const auto& [region, group] = filled[random.Uniform(filled.size())];
  const Index index(random.Between(group->truncated.index.value() + 1, group->last.index.value()));
  log.Corrupt(region, index);
  return fmt::format("entry {} of region {}", index, region);
}

std::string DamageData(engine::MemoryKvEngine& engine, env::Random& random) {
  const auto keys = engine.FlushedKeys();
  if (keys.empty()) return "";
  const auto& [cf, key] = keys[random.Uniform(keys.size())];
  engine.Damage(cf, key, random.Next());
  return fmt::format("a row of column family {}", static_cast<int>(cf));
}

}  // namespace

std::string Disk::Damage(env::Random& random) {
  return random.Chance(0.5) ? DamageLog(log_engine, random) : DamageData(engine, random);
}

}  // namespace flotilla::sim
