// Many seeds in several processes, so that a soak uses all cores, and one that dies takes no other
// one with it.
#ifndef FLOTILLA_TESTS_SIM_WORKERS_H_
#define FLOTILLA_TESTS_SIM_WORKERS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "tests/sim/report_text.h"

namespace flotilla::sim {

// What is kept of a seed's report when it comes from another process. `text`: what there is to say
// of a seed that broke a promise.
std::string EncodeReport(const Report& report, const std::string& text);
// DataLoss: it is cut off or not of EncodeReport.
absl::StatusOr<Report> DecodeReport(std::string_view data, std::string& text);

struct Seeds {
  uint64_t first = 1;
  uint64_t count = 1;
};

// Runs `run` for each seed in one of `jobs` processes; a seed whose process dies counts as one that
// broke a promise. Adds all to `summary` and tells `failed` of the seeds that did, with what is to
// be said. Begins no seed after the first of these. False: there was one.
bool RunInProcesses(const Seeds& seeds, int jobs,
                    const std::function<Report(uint64_t seed, std::string& text)>& run,
                    Summary& summary,
                    const std::function<void(uint64_t seed, const std::string& text)>& failed);

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_WORKERS_H_
