#include "tests/sim/check/check.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "tests/sim/check/applied_states.h"
#include "tests/sim/check/settled.h"

namespace flotilla::sim {
namespace {

// At any moment one store at most would answer a read of a region by its lease, each by its own
// clock.
class OneLease final : public Check {
 public:
  void Look(Cluster& cluster) override {
    holders_.clear();
    for (auto& node : cluster.stores()) {
      if (!node->IsServing()) continue;
      const env::Instant now = node->scheduler().Now();
      for (const store::RegionViewPtr& view : node->core().index().All()) {
        if (!view->peer->lease.ValidAt(now)) continue;
        const auto [other, is_first] = holders_.emplace(view->region.id(), node.get());
        if (is_first) continue;
        cluster.violations().Add(fmt::format("region {}: {} and {} hold a lease at once",
                                             view->region.id(), other->second->host(),
                                             node->host()));
      }
    }
  }

 private:
  std::map<RegionId, const StoreNode*> holders_;
};

// One member of PD at most answers, and what it knows of a region does not get older.
class PdKnowsMore final : public Check {
 public:
  void Look(Cluster& cluster) override {
    const PdNode* leader = nullptr;
    for (auto& node : cluster.pd()) {
      const auto state = node->Leading();
      if (state == nullptr) continue;
      if (leader != nullptr) {
        cluster.violations().Add(
            fmt::format("{} and {} both lead PD", leader->host(), node->host()));
      }
      leader = node.get();
      // What was not stored yet is not known to the next leader.
      if (state->term != term_) known_.clear();
      term_ = state->term;
      for (const pd::RegionPtr& region : state->cluster.ScanRegions({}, 0))
        Compare(cluster, *region);
    }
  }

 private:
  using Epoch = std::pair<uint64_t, uint64_t>;

  void Compare(Cluster& cluster, const pd::RegionInfo& region) {
    Epoch& known = known_[region.id()];
    if (region.version() < known.first || region.conf_ver() < known.second) {
      cluster.violations().Add(
          fmt::format("PD knew region {} at version {}, conf_ver {}, and now {}", region.id(),
                      known.first, known.second, region.meta.ShortDebugString()));
    }
    known = {region.version(), region.conf_ver()};
  }

  Term term_;
  std::map<RegionId, Epoch> known_;
};

// No store has found that the replicas of a region differ.
class NoDifferences final : public Check {
 public:
  void Look(Cluster& cluster) override {
    for (auto& node : cluster.pd()) {
      if (node->Leading() == nullptr) continue;
      const auto findings = node->replica().store().reader().Findings();
      CHECK_OK(findings.status());
      for (const meta::v1::Finding& finding : *findings) {
        if (!told_.insert(finding.region_id()).second) continue;
        cluster.violations().Add("a comparison says that replicas differ: " +
                                 std::string(finding.ShortDebugString()));
      }
    }
  }

 private:
  std::set<uint64_t> told_;
};

// What processes and disks hold keeps within bounds. A seed writes a few thousand short values:
// what is far above that is kept for nobody.
class Resources final : public Check {
 public:
  void Look(Cluster& cluster) override {
    if (++looks_ % kEvery != 0) return;
    const rpc::InFlightLimits& limits = cluster.plan().store.core.in_flight;
    for (auto& node : cluster.stores()) {
      Compare(cluster, *node, "bytes of logs", node->disk().log_engine.ApproximateBytes(),
              kMostLogBytes);
      Compare(cluster, *node, "bytes of files", node->disk().files.TotalBytes(), kMostFileBytes);
      if (!node->IsServing()) continue;
      const rpc::InFlight& in_flight = node->core().in_flight();
      Compare(cluster, *node, "requests in flight", in_flight.requests(),
              limits.requests + kMostRefused);
      Compare(cluster, *node, "bytes in flight", in_flight.bytes(), limits.bytes + kMostAnswers);
      CompareQueues(cluster, *node);
    }
  }

 private:
  static constexpr uint64_t kEvery = 10;
  static constexpr uint64_t kMostLogBytes = 8 << 20;
  static constexpr uint64_t kMostFileBytes = 8 << 20;
  // Refusals on their way out, and answers, are there besides what was let in.
  static constexpr uint64_t kMostRefused = 500;
  static constexpr uint64_t kMostAnswers = 1 << 20;

  // Whoever fills a queue looks at its length once a round, so that one round may come on top.
  static constexpr uint64_t kMostRoundBytes = 1 << 20;
  static constexpr uint64_t kMostMessages = 10'000;

  static void CompareQueues(Cluster& cluster, StoreNode& node) {
    const multiraft::HostConfig& host = cluster.plan().store.core.host;
    const multiraft::QueueLengths queues = node.core().host().Queues();
    Compare(cluster, node, "messages for a raft worker", queues.inbox_messages, kMostMessages);
    Compare(cluster, node, "bytes for the log's disk", queues.log_bytes,
            std::min(2 * host.max_log_queue_bytes, kMostLogBytes) + kMostRoundBytes);
    Compare(cluster, node, "bytes to apply", queues.apply_bytes, kMostLogBytes);
  }
  static void Compare(Cluster& cluster, const StoreNode& node, std::string_view what,
                      uint64_t present, uint64_t most) {
    if (present <= most) return;
    cluster.violations().Add(
        fmt::format("resources: {} has {} {}, more than {}", node.host(), present, what, most));
  }

  uint64_t looks_ = 0;
};

class EqualReplicas final : public Check {
 public:
  void AtRest(Cluster& cluster) override { CheckReplicas(cluster); }
};

}  // namespace

Checks MakeChecks() {
  Checks checks;
  checks.push_back(std::make_unique<OneLease>());
  checks.push_back(std::make_unique<PdKnowsMore>());
  checks.push_back(std::make_unique<Resources>());
  checks.push_back(std::make_unique<EqualReplicas>());
  checks.push_back(std::make_unique<AppliedStates>());
  checks.push_back(std::make_unique<NoDifferences>());
  return checks;
}

}  // namespace flotilla::sim
