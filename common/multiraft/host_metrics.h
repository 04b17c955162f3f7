// The metrics of a host, declared once. Counted by round or batch, not by request, where requests
// are many.
#ifndef FLOTILLA_COMMON_MULTIRAFT_HOST_METRICS_H_
#define FLOTILLA_COMMON_MULTIRAFT_HOST_METRICS_H_

#include "common/metrics/registry.h"

namespace flotilla::multiraft {

struct HostMetrics {
  explicit HostMetrics(metrics::Registry& registry);

  metrics::Counter& proposals;
  metrics::Counter& proposals_refused;
  metrics::Counter& entries_proposed;
  metrics::Counter& reads_by_lease;
  metrics::Counter& reads_by_index;
  metrics::Counter& requests_busy;
  // A write by stage, in seconds: the longest wait in the inbox of a round, the time of an entry
  // from its proposal to its commit, and of an engine write from the commit of its first entry
  // until it is visible.
  metrics::Histogram& propose_seconds;
  metrics::Histogram& commit_seconds;
  metrics::Histogram& apply_seconds;
  metrics::Counter& messages_sent;
  metrics::Counter& messages_dropped;
  metrics::Counter& rounds;
  metrics::Counter& readies;
  metrics::Gauge& inbox_taken;
  metrics::Counter& elections_started;
  metrics::Gauge& leaders;
  metrics::Gauge& groups;
  metrics::Histogram& apply_batch_entries;
  metrics::Histogram& apply_batch_bytes;
  metrics::Gauge& apply_queue_bytes;
  metrics::Counter& snapshots_installed;
  metrics::Counter& entries_truncated;
  metrics::Counter& flushes_started;
  metrics::Gauge& log_bytes;
};

}  // namespace flotilla::multiraft

#endif  // FLOTILLA_COMMON_MULTIRAFT_HOST_METRICS_H_
