#include "tests/sim/fault/fault.h"

namespace flotilla::sim {

Faults MakeFaults() {
  Faults faults;
  AddProcessFaults(faults);
  AddNetworkFaults(faults);
  AddStorageFaults(faults);
  AddControlFaults(faults);
  AddRegionFaults(faults);
  AddCopyFaults(faults);
  return faults;
}

}  // namespace flotilla::sim
