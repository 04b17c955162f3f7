#include "common/metrics/registry.h"

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "common/base/check.h"

namespace flotilla::metrics {

Registry::Registry() : registry_(std::make_unique<prometheus::Registry>()) {}
Registry::~Registry() = default;

void Registry::CheckName(const std::string& name, const std::string& help) {
  MutexLock lock(mutex_);
  const std::string& known = helps_.emplace(name, help).first->second;
  CHECK(known == help) << "metric " << name << " is \"" << known << "\" and \"" << help << '"';
}

Counter& Registry::AddCounter(const std::string& name, const std::string& help,
                              const Labels& labels) {
  CheckName(name, help);
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry_).Add(labels);
}

Gauge& Registry::AddGauge(const std::string& name, const std::string& help, const Labels& labels) {
  CheckName(name, help);
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry_).Add(labels);
}

Histogram& Registry::AddHistogram(const std::string& name, const std::string& help,
                                  const std::vector<double>& bounds, const Labels& labels) {
  CheckName(name, help);
  return prometheus::BuildHistogram()
      .Name(name)
      .Help(help)
      .Register(*registry_)
      .Add(labels, bounds);
}

std::string Registry::ToText() const {
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

std::vector<double> ExponentialBounds(double first, double factor, int count) {
  std::vector<double> bounds;
  for (double bound = first; count > 0; --count, bound *= factor) bounds.push_back(bound);
  return bounds;
}

std::vector<double> LatencyBounds() { return ExponentialBounds(50e-6, 2, 18); }

}  // namespace flotilla::metrics
