#include "common/multiraft/host_metrics.h"

#include <string>

namespace flotilla::multiraft {
namespace {

metrics::Histogram& AddStage(metrics::Registry& registry, const std::string& stage) {
  return registry.AddHistogram("flotilla_raft_write_stage_seconds",
                               "Time of writes by stage: wait for a raft worker, commit, apply",
                               metrics::LatencyBounds(), {{"stage", stage}});
}

}  // namespace

HostMetrics::HostMetrics(metrics::Registry& registry)
    : proposals(registry.AddCounter("flotilla_raft_proposals_total", "Proposals appended")),
      proposals_refused(registry.AddCounter("flotilla_raft_proposals_refused_total",
                                            "Proposals refused before they were appended")),
      entries_proposed(registry.AddCounter("flotilla_raft_entries_proposed_total",
                                           "Log entries made of merged proposals")),
      reads_by_lease(registry.AddCounter("flotilla_raft_reads_total",
                                         "Linearizable reads on the raft worker by way",
                                         {{"by", "lease"}})),
      reads_by_index(registry.AddCounter("flotilla_raft_reads_total",
                                         "Linearizable reads on the raft worker by way",
                                         {{"by", "index"}})),
      requests_busy(registry.AddCounter("flotilla_raft_requests_busy_total",
                                        "Requests refused because a queue is full")),
      propose_seconds(AddStage(registry, "propose")),
      commit_seconds(AddStage(registry, "commit")),
      apply_seconds(AddStage(registry, "apply")),
      messages_sent(registry.AddCounter("flotilla_raft_peer_messages_sent_total",
                                        "Raft messages that peers handed to the transport")),
      messages_dropped(registry.AddCounter("flotilla_raft_peer_messages_dropped_total",
                                           "Raft messages that peers dropped: inbox or apply queue "
                                           "full, not accepted, or without address")),
      rounds(registry.AddCounter("flotilla_raft_rounds_total", "Rounds of raft workers with work")),
      readies(registry.AddCounter("flotilla_raft_readies_total", "Readies taken from Raft nodes")),
      inbox_taken(registry.AddGauge("flotilla_raft_inbox_messages",
                                    "Messages that the last round found in its inbox")),
      elections_started(registry.AddCounter("flotilla_raft_elections_total",
                                            "Times that a peer here became a candidate")),
      leaders(registry.AddGauge("flotilla_raft_leaders", "Groups that are led here")),
      groups(registry.AddGauge("flotilla_raft_groups", "Groups that are hosted here")),
      apply_batch_entries(registry.AddHistogram("flotilla_apply_batch_entries",
                                                "Entries applied by one engine write",
                                                metrics::ExponentialBounds(1, 2, 14))),
      apply_batch_bytes(registry.AddHistogram("flotilla_apply_batch_bytes",
                                              "Size of one engine write in bytes",
                                              metrics::ExponentialBounds(128, 4, 10))),
      apply_queue_bytes(registry.AddGauge("flotilla_apply_queue_bytes",
                                          "Committed entries that wait to be applied, in bytes")),
      snapshots_installed(registry.AddCounter("flotilla_apply_snapshots_total",
                                              "Snapshots that replaced a group's state")),
      entries_truncated(
          registry.AddCounter("flotilla_raft_log_truncated_entries_total", "Log entries cut off")),
      flushes_started(registry.AddCounter("flotilla_raft_log_flushes_total",
                                          "Flushes of the data started so that logs can be cut")),
      log_bytes(registry.AddGauge("flotilla_raft_log_bytes",
                                  "What the logs of all groups hold, truncated entries excepted")) {
}

}  // namespace flotilla::multiraft
