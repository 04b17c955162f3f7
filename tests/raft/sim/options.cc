#include "tests/raft/sim/options.h"

#include <sstream>

namespace flotilla::raft::sim {
namespace {

// Zero in some runs, so that faults are also seen alone.
double Rate(env::Random& random, double present, double max) {
  return random.Chance(present) ? max * random.Fraction() : 0;
}

Config DrawConfig(env::Random& random) {
  Config config;
  config.election_timeout_ticks = static_cast<uint32_t>(random.Between(4, 8));
  config.heartbeat_ticks = static_cast<uint32_t>(random.Between(1, 2));
  config.pre_vote = random.Chance(0.7);
  config.yield_pre_votes = random.Chance(0.7);
  config.check_quorum = random.Chance(0.7);
  config.async_storage_writes = random.Chance(0.7);
  config.forward_proposals = random.Chance(0.5);
  config.tell_commits_at_once = random.Chance(0.7);
  config.step_down_on_removal = random.Chance(0.8);
  if (random.Chance(0.5)) config.vote_hold_off_ticks = config.election_timeout_ticks;
  config.max_append_bytes = random.Chance(0.5) ? kNoLimit : random.Between(1, 100);
  config.max_inflight_messages =
      static_cast<uint32_t>(random.Chance(0.5) ? 256 : random.Between(1, 4));
  config.max_inflight_bytes = random.Chance(0.7) ? kNoLimit : random.Between(1, 200);
  config.max_unapplied_bytes = random.Chance(0.6) ? kNoLimit : random.Between(1, 200);
  config.max_uncommitted_bytes = random.Chance(0.7) ? kNoLimit : random.Between(50, 500);
  return config;
}

}  // namespace

Options DrawOptions(env::Random random) {
  static constexpr uint64_t kVoters[] = {1, 2, 3, 3, 3, 3, 4, 5, 5, 5};
  Options options;
  options.voters = kVoters[random.Uniform(std::size(kVoters))];
  options.config = DrawConfig(random);
  options.chaos = kTick * random.Between(60, 140);
  options.drop = Rate(random, 0.7, 0.25);
  options.duplicate = Rate(random, 0.5, 0.2);
  options.delay_max = random.Chance(0.5) ? random.Between(1, 50) : random.Between(50, 6 * kTick);
  options.fault_gap_max = kTick * (random.Chance(0.6) ? 8 : 30);
  options.partition = Rate(random, 0.7, 1.0);
  options.crash = Rate(random, 0.7, 1.0);
  options.disk_max = random.Chance(0.6) ? random.Between(1, 50) : random.Between(50, 5 * kTick);
  options.host_max = random.Between(0, 40);
  options.down_max = random.Between(1, 15) * kTick;
  options.propose = 0.2 + 0.8 * random.Fraction();
  options.conf_change = Rate(random, 0.5, 0.3);
  if (options.conf_change > 0) options.spares = random.Between(0, 2);
  options.transfer = Rate(random, 0.5, 0.1);
  options.read = Rate(random, 0.7, 0.5);
  options.compact = Rate(random, 0.6, 0.2);
  // Together: a promise that is forgotten matters where logs are equal and somebody campaigns.
  if (random.Chance(0.25)) {
    options.config.vote_hold_off_ticks = options.config.election_timeout_ticks;
    options.rest = 0.8 * random.Fraction();
    options.deafen = 0.3 + 0.5 * random.Fraction();
    options.bounce = 0.1 + 0.4 * random.Fraction();
  }
  return options;
}

std::string Options::ToString() const {
  std::ostringstream out;
  out << "voters=" << voters << " spares=" << spares << " chaos=" << chaos / kTick << " ticks"
      << " election=" << config.election_timeout_ticks << " heartbeat=" << config.heartbeat_ticks
      << " pre_vote=" << config.pre_vote << " yield=" << config.yield_pre_votes
      << " check_quorum=" << config.check_quorum << " async=" << config.async_storage_writes
      << " hold_off=" << config.vote_hold_off_ticks << " inflight=" << config.max_inflight_messages
      << " drop=" << drop << " duplicate=" << duplicate << " delay<=" << delay_max
      << " partition=" << partition << " crash=" << crash << " disk<=" << disk_max
      << " conf_change=" << conf_change << " transfer=" << transfer << " read=" << read
      << " compact=" << compact << " rest=" << rest << " deafen=" << deafen << " bounce=" << bounce;
  return out.str();
}

}  // namespace flotilla::raft::sim
