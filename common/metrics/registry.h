// Metrics of a process, by Prometheus convention: `flotilla_<component>_<what>_<unit>[_total]`.
//
// A component declares its metrics once, in a struct of references built from a Registry; its code
// only increments. Thread-safe. One Registry a process, passed by constructor: no global.
#ifndef FLOTILLA_COMMON_METRICS_REGISTRY_H_
#define FLOTILLA_COMMON_METRICS_REGISTRY_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"

namespace prometheus {
class Registry;
}

namespace flotilla::metrics {

using Counter = prometheus::Counter;
using Gauge = prometheus::Gauge;
using Histogram = prometheus::Histogram;
using Labels = std::map<std::string, std::string>;

class Registry {
 public:
  Registry();
  ~Registry();

  // The same name and labels give the same metric; a name has one help text, so that two components
  // do not count in one by mistake. References live as long as the registry.
  Counter& AddCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& AddGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // `bounds`: upper bounds of the buckets, increasing.
  Histogram& AddHistogram(const std::string& name, const std::string& help,
                          const std::vector<double>& bounds, const Labels& labels = {});

  // The text exposition format, for /metrics.
  std::string ToText() const;

 private:
  // Stops the process if `name` is something else already.
  void CheckName(const std::string& name, const std::string& help);

  std::unique_ptr<prometheus::Registry> registry_;
  Mutex mutex_;
  std::map<std::string, std::string> helps_ ABSL_GUARDED_BY(mutex_);
};

// Bounds that start at `first` and grow by `factor`, `count` of them.
std::vector<double> ExponentialBounds(double first, double factor, int count);
// Seconds, 50 us to about 6.6 s by doubling.
std::vector<double> LatencyBounds();

}  // namespace flotilla::metrics

#endif  // FLOTILLA_COMMON_METRICS_REGISTRY_H_
