// Links that are cut, in one direction or both, between two or around one; connections that break.
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <string>
#include <vector>

#include "tests/sim/fault/fault.h"

namespace flotilla::sim {
namespace {

const std::string& AnyServer(Cluster& cluster, env::Random& random) {
  const size_t which = random.Uniform(cluster.stores().size() + cluster.pd().size());
  if (which < cluster.stores().size()) return cluster.stores()[which]->host();
  return cluster.pd()[which - cluster.stores().size()]->host();
}

const std::string& AnyHost(Cluster& cluster, env::Random& random) {
  if (random.Chance(0.25)) return AnyOf(cluster.clients(), random).host();
  return AnyServer(cluster, random);
}

// One of two times what is cut is healed instead.
bool HealsInstead(Cluster& cluster, env::Random& random) {
  if (random.Chance(0.5)) return false;
  cluster.Note("heal all links");
  cluster.HealLinks();
  return true;
}

bool Isolate(Cluster& cluster, env::Random& random) {
  if (HealsInstead(cluster, random)) return true;
  const std::string& host = AnyHost(cluster, random);
  cluster.Note("isolate " + host);
  cluster.Isolate(host);
  return true;
}

bool CutOneWay(Cluster& cluster, env::Random& random) {
  if (HealsInstead(cluster, random)) return true;
  const std::string& from = AnyHost(cluster, random);
  const std::string& to = AnyServer(cluster, random);
  if (from == to) return false;
  cluster.Note(fmt::format("cut {} -> {}", from, to));
  cluster.Cut(from, to);
  return true;
}

// Two halves of the stores, and one of them that sees both.
bool Bridge(Cluster& cluster, env::Random& random) {
  if (HealsInstead(cluster, random)) return true;
  const auto& stores = cluster.stores();
  const size_t bridge = random.Uniform(stores.size());
  cluster.Note(fmt::format("{} is the only bridge", stores[bridge]->host()));
  for (size_t a = 0; a < stores.size(); ++a) {
    for (size_t b = 0; b < stores.size(); ++b) {
      if (a % 2 != b % 2 && a != bridge && b != bridge) {
        cluster.Cut(stores[a]->host(), stores[b]->host());
      }
    }
  }
  return true;
}

// Stores and members of PD in two halves, of any sizes, and clients that see both: whoever led on
// the smaller side is still asked.
bool Halves(Cluster& cluster, env::Random& random) {
  if (HealsInstead(cluster, random)) return true;
  std::vector<std::string> sides[2];
  for (const auto& node : cluster.stores()) sides[random.Uniform(2)].push_back(node->host());
  for (const auto& node : cluster.pd()) sides[random.Uniform(2)].push_back(node->host());
  cluster.Note(
      fmt::format("two halves: {} | {}", fmt::join(sides[0], " "), fmt::join(sides[1], " ")));
  for (const std::string& a : sides[0]) {
    for (const std::string& b : sides[1]) {
      cluster.Cut(a, b);
      cluster.Cut(b, a);
    }
  }
  return true;
}

// Links between servers stop one by one, and come back one by one in another order.
bool Swizzle(Cluster& cluster, env::Random& random) {
  std::vector<std::pair<std::string, std::string>> links;
  const uint64_t count = random.Between(3, 8);
  for (uint64_t i = 0; i < count; ++i) {
    const std::string& from = AnyServer(cluster, random);
    const std::string& to = AnyServer(cluster, random);
    if (from == to) continue;
    cluster.Note(fmt::format("swizzle: cut {} -> {}", from, to));
    cluster.Cut(from, to);
    links.emplace_back(from, to);
    cluster.RunFor(std::chrono::milliseconds(random.Uniform(500)));
  }
  while (!links.empty()) {
    const size_t which = random.Uniform(links.size());
    cluster.Note(fmt::format("swizzle: heal {} -> {}", links[which].first, links[which].second));
    cluster.Heal(links[which].first, links[which].second);
    links.erase(links.begin() + static_cast<ptrdiff_t>(which));
    cluster.RunFor(std::chrono::milliseconds(random.Uniform(500)));
  }
  return true;
}

bool Reset(Cluster& cluster, env::Random& random) {
  const std::string& a = AnyHost(cluster, random);
  const std::string& b = AnyServer(cluster, random);
  cluster.Note(fmt::format("reset {} - {}", a, b));
  cluster.fabric().Reset(a, b);
  return true;
}

}  // namespace

void AddNetworkFaults(Faults& faults) {
  faults.push_back(std::make_unique<SimpleFault>("isolate", Isolate));
  faults.push_back(std::make_unique<SimpleFault>("cut-one-way", CutOneWay));
  faults.push_back(std::make_unique<SimpleFault>("bridge", Bridge));
  faults.push_back(std::make_unique<SimpleFault>("halves", Halves));
  faults.push_back(std::make_unique<SimpleFault>("swizzle", Swizzle));
  faults.push_back(std::make_unique<SimpleFault>("reset", Reset));
}

}  // namespace flotilla::sim
