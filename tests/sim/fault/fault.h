// What can go wrong in a simulated cluster. A fault strikes when it is told to, at whom its
// randomness picks; Cluster::HealAll ends whatever goes on.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_FAULT_FAULT_H_
#define FLOTILLA_TESTS_SIM_FAULT_FAULT_H_

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "tests/sim/cluster.h"

namespace flotilla::sim {

class Fault {
 public:
  virtual ~Fault() = default;
  // As plans name it.
  virtual std::string_view name() const = 0;
  // False: there was nothing to strike at.
  virtual bool Strike(Cluster& cluster, env::Random& random) = 0;
};

// A fault without a state.
class SimpleFault final : public Fault {
 public:
  using Function = std::function<bool(Cluster&, env::Random&)>;

  SimpleFault(std::string_view name, Function strike) : name_(name), strike_(std::move(strike)) {}

  std::string_view name() const override { return name_; }
  bool Strike(Cluster& cluster, env::Random& random) override { return strike_(cluster, random); }

 private:
  const std::string_view name_;
  const Function strike_;
};

using Faults = std::vector<std::unique_ptr<Fault>>;

// All that there are.
Faults MakeFaults();

// By subject.
void AddProcessFaults(Faults& faults);
void AddNetworkFaults(Faults& faults);
void AddStorageFaults(Faults& faults);
void AddControlFaults(Faults& faults);
void AddRegionFaults(Faults& faults);
void AddCopyFaults(Faults& faults);

template <typename T>
T& AnyOf(const std::vector<std::unique_ptr<T>>& all, env::Random& random) {
  return *all[random.Uniform(all.size())];
}

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_FAULT_FAULT_H_
