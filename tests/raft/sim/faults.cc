// The world around the nodes: a network that loses, repeats, delays and cuts, machines that crash,
// and clients and operators who ask for things.
#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/raft/describe.h"
#include "common/raft/membership.h"
#include "tests/raft/sim/simulation.h"

namespace flotilla::raft::sim {

// --- Network ------------------------------------------------------------------------------------

bool Simulation::Cut(PeerId from, PeerId to) const {
  return std::find(cuts_.begin(), cuts_.end(), std::pair(from, to)) != cuts_.end();
}

void Simulation::Send(Host& host, std::vector<Message> messages) {
  for (Message& message : messages) {
    if (message.to.value() > hosts_.size()) continue;
    const bool snapshot = std::holds_alternative<InstallSnapshot>(message.body);
    const bool lost = !healing_ && random_.Chance(options_.drop);
    if (snapshot) {
      // The report may be wrong either way: an arrival may be taken for a failure, and arriving is
      // not yet being installed.
      const bool succeeded = lost ? false : healing_ || random_.Chance(0.8);
      ScheduleMine(now_ + random_.Between(1, 3 * kTick), host,
                   SnapshotReport{message.to, succeeded});
    }
    if (lost) {
      if (random_.Chance(0.2)) host.raw->ReportUnreachable(message.to);
      continue;
    }
    const size_t to = message.to.value() - 1;
    const Time delay_max = healing_ ? 20 : options_.delay_max;
    if (!healing_ && random_.Chance(options_.duplicate)) {
      // Much later, perhaps: an old message from another time.
      Schedule(now_ + random_.Between(1, 10 * delay_max), to, Delivery{message});
    }
    Schedule(now_ + random_.Between(1, delay_max), to, Delivery{std::move(message)});
  }
}

void Simulation::Deliver(Host& host, Message message) {
  if (!host.alive() || Cut(message.from, message.to)) return;
  const bool decides = std::holds_alternative<VoteRequest>(message.body) ||
                       std::holds_alternative<VoteResponse>(message.body) ||
                       std::holds_alternative<TimeoutNow>(message.body);
  if (decides && !healing_ && options_.bounce > 0 && random_.Chance(options_.bounce)) {
    CrashHost(host);
    Start(host);
  }
  if (trace_) Trace("receives", Position(host), Describe(message));
  Mix(message.body.index());
  host.raw->Step(std::move(message)).IgnoreError();
  AfterStep(host);
}

// --- Faults -------------------------------------------------------------------------------------

void Simulation::InjectFault() {
  if (healing_) return;
  Schedule(now_ + random_.Between(1, options_.fault_gap_max), 0, FaultDue{});
  if (random_.Chance(options_.partition)) Partition();
  if (options_.deafen > 0 && random_.Chance(options_.deafen)) Deafen();
  if (random_.Chance(options_.crash)) {
    Host& host = *hosts_[random_.Uniform(hosts_.size())];
    if (host.alive()) CrashHost(host);
  }
  if (random_.Chance(0.2)) {
    Host& host = *hosts_[random_.Uniform(hosts_.size())];
    host.snapshot_unavailable = !host.snapshot_unavailable;
  }
  if (options_.rest > 0 && random_.Chance(options_.rest)) {
    resting_until_ = now_ + random_.Between(1, 4 * options_.config.election_timeout_ticks) * kTick;
  }
}

void Simulation::Partition() {
  cuts_.clear();
  if (random_.Chance(0.4)) return;  // Healed, for a while.
  if (random_.Chance(0.3)) {
    // Single links: who does not hear each other hears the same others.
    for (const auto& from : hosts_) {
      for (const auto& to : hosts_) {
        if (from->id < to->id && random_.Chance(0.3)) {
          cuts_.emplace_back(from->id, to->id);
          cuts_.emplace_back(to->id, from->id);
        }
      }
    }
    return;
  }
  std::vector<bool> side;
  for (size_t i = 0; i < hosts_.size(); ++i) side.push_back(random_.Chance(0.5));
  const bool one_way = random_.Chance(0.3);
  for (const auto& from : hosts_) {
    for (const auto& to : hosts_) {
      const bool from_side = side[Position(*from)];
      if (from_side == side[Position(*to)] || (one_way && !from_side)) continue;
      cuts_.emplace_back(from->id, to->id);
    }
  }
  if (trace_) Trace("cut", 0, std::to_string(cuts_.size()) + " links");
}

// One member and the leader do not hear each other, and nobody writes, so that its log stays as new
// as those of the others: it would be elected if they forgot that they hear of a leader.
void Simulation::Deafen() {
  const Host* const leader = CurrentLeader();
  const PeerId deaf = hosts_[random_.Uniform(hosts_.size())]->id;
  if (leader == nullptr || leader->id == deaf) return;
  cuts_ = {{leader->id, deaf}, {deaf, leader->id}};
  resting_until_ = now_ + random_.Between(1, 4 * options_.config.election_timeout_ticks) * kTick;
  if (trace_) Trace("is deaf", deaf.value() - 1, "");
}

void Simulation::CrashHost(Host& host) {
  // What the disk was about to sync may or may not have got there, in order.
  const uint64_t synced = random_.Between(0, host.writing.size());
  for (uint64_t i = 0; i < synced; ++i) host.Persist(host.writing[i]);
  if (trace_) Trace("crashes", Position(host), std::to_string(synced) + " writes survive");
  host.Crash();
  Mix(host.incarnation);
  ScheduleMine(now_ + random_.Between(1, options_.down_max), host, RestartDue{});
}

// --- Requests -----------------------------------------------------------------------------------

void Simulation::MakeRequests(Host& host) {
  RawNode& raw = *host.raw;
  const bool leads = raw.role() == Role::kLeader;
  const bool rests = now_ < resting_until_;
  if (!rests && (leads || random_.Chance(0.1)) && random_.Chance(options_.propose)) {
    std::vector<Bytes> payloads;
    for (uint64_t i = random_.Between(1, 3); i > 0; --i) {
      payloads.emplace_back(std::to_string(next_payload_++) +
                            std::string(random_.Uniform(20), '.'));
    }
    raw.Propose(std::move(payloads)).IgnoreError();
    AfterStep(host);
  }
  if (leads && !rests && random_.Chance(options_.conf_change)) ProposeConfChange(host);
  if (random_.Chance(options_.transfer)) {
    raw.TransferLeadership(PeerId(random_.Between(1, hosts_.size())));
    host.lease_until = 0;  // As a host must.
    AfterStep(host);
  }
  if (random_.Chance(options_.read)) {
    const ReadId read(next_read_++);
    host.reads[read] = checker_.committed();
    if (!raw.ReadIndex(read).ok()) host.reads.erase(read);
    AfterStep(host);
  }
  if (random_.Chance(options_.compact)) Compact(host);
  if (options_.config.vote_hold_off_ticks == 0 && random_.Chance(0.002)) {
    raw.Campaign().IgnoreError();
    AfterStep(host);
  }
  if (random_.Chance(0.005)) {
    raw.ForgetLeader();
    AfterStep(host);
  }
}

void Simulation::ProposeConfChange(Host& host) {
  ConfChange change;
  change.transition = static_cast<ConfChange::Transition>(random_.Uniform(3));
  const bool leave = IsJoint(host.raw->conf_state());
  if (leave) change.transition = ConfChange::Transition::kAuto;
  if (!leave && random_.Chance(0.2)) {
    // Any others for those that there are: the quorums of the two halves need not meet.
    for (const auto& other : hosts_) {
      const auto type =
          random_.Chance(0.5) ? ConfChangeStep::Type::kAddVoter : ConfChangeStep::Type::kAddLearner;
      change.steps.push_back({type, other->id});
    }
  } else {
    for (uint64_t i = leave ? 0 : random_.Between(1, 3); i > 0; --i) {
      ConfChangeStep step;
      step.type = static_cast<ConfChangeStep::Type>(random_.Uniform(4));
      step.peer = PeerId(random_.Between(1, hosts_.size()));
      change.steps.push_back(step);
    }
  }
  host.raw->ProposeConfChange(change).IgnoreError();
  AfterStep(host);
}

void Simulation::Compact(Host& host) {
  if (random_.Chance(0.5)) host.flushed = host.app;
  const Index begin = host.log.truncated().index;
  const Index end = std::min(host.flushed.at.index, host.log.last_index());
  if (end <= begin) return;
  CHECK_OK(host.log.Truncate(begin + random_.Between(1, end - begin)));
}

}  // namespace flotilla::raft::sim
