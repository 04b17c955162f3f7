// The second phase: no more faults. A group that is right but stands still is wrong too.
#include <string>
#include <utility>

#include "common/raft/describe.h"
#include "common/raft/membership.h"
#include "tests/raft/sim/simulation.h"

namespace flotilla::raft::sim {
namespace {

constexpr int kMaxRounds = 150;

}  // namespace

void Simulation::Heal() {
  healing_ = true;
  cuts_.clear();
  for (const auto& host : hosts_) {
    host->snapshot_unavailable = false;
    if (!host->alive()) Start(*host);
  }
}

Host* Simulation::CurrentLeader() {
  Host* leader = nullptr;
  for (const auto& host : hosts_) {
    if (!host->alive() || host->raw->role() != Role::kLeader) continue;
    if (leader == nullptr || host->raw->term() > leader->raw->term()) leader = host.get();
  }
  return leader;
}

bool Simulation::AllCaughtUp(const Host& leader) const {
  for (const auto& host : hosts_) {
    if (!IsMember(leader.raw->conf_state(), host->id)) continue;
    if (!host->alive() || host->app.at.index < leader.raw->last_index()) return false;
  }
  return true;
}

// Whoever was removed without hearing of it may go on campaigning (thesis 4.2.3): an operator
// switches it off, and on again should a change that was under way bring it back.
void Simulation::SwitchOffStrangers(const ConfState& conf) {
  for (const auto& host : hosts_) {
    if (!IsMember(conf, host->id) && host->alive()) host->Crash();
    if (IsMember(conf, host->id) && !host->alive()) Start(*host);
  }
}

void Simulation::CheckProgress() {
  const Time round = options_.config.election_timeout_ticks * kTick;
  const Index before = checker_.committed();
  Index target;  // Proposed after everything had healed.
  for (int i = 0; i < kMaxRounds && checker_.violation().empty(); ++i) {
    RunUntil(now_ + round);
    Host* leader = CurrentLeader();
    if (leader == nullptr) {
      // Who was switched off may be the only one who knows that its removal is committed.
      for (const auto& host : hosts_) {
        if (!host->alive()) Start(*host);
      }
      continue;
    }
    if (!leader->raw->CommittedInOwnTerm()) continue;
    const ConfState& conf = leader->raw->conf_state();
    if (!IsMember(conf, leader->id)) {
      // It removed itself and was told not to step down: nobody can leave the joint state now.
      leader->Crash();
      continue;
    }
    if (target > before && leader->raw->commit() >= target && AllCaughtUp(*leader)) return;
    SwitchOffStrangers(conf);
    if (IsJoint(conf)) {
      leader->raw->ProposeConfChange(ConfChange()).IgnoreError();
      AfterStep(*leader);
      continue;
    }
    // Not all the time: a small window and slow disks must be able to keep up. But again, for what
    // was proposed may have been lost with its leader.
    if (target > before && i % 10 != 0) continue;
    if (leader->raw->Propose({Bytes("after")}).ok()) target = leader->raw->last_index();
    AfterStep(*leader);
  }
  if (!checker_.violation().empty()) return;
  std::string state = "no progress after healing:";
  for (const auto& host : hosts_) {
    state += "\n" + (host->alive() ? Describe(host->raw->Status()) : std::string("off\n"));
  }
  checker_.Fail(state);
}

}  // namespace flotilla::raft::sim
