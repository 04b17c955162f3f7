// A line that tells how far a long command is, rewritten in place on a terminal.
#ifndef FLOTILLA_CLIENT_CLI_PROGRESS_BAR_H_
#define FLOTILLA_CLIENT_CLI_PROGRESS_BAR_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "client/cli/console.h"
#include "common/env/clock.h"

namespace flotilla::cli {

// Not thread-safe.
class ProgressBar {
 public:
  // Writes to console.err when that is a terminal or --progress was given. `what`: "loaded".
  // `total`: of the units that Update counts; 0: unknown.
  ProgressBar(const Console& console, const env::Clock& clock, std::string what, uint64_t total);
  // Ends the line.
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Rewrites the line at most a few times a second. `done` of the total; `records` so far.
  void Update(uint64_t done, uint64_t records);
  void Finish(uint64_t records);

 private:
  void Draw(uint64_t done, uint64_t records);

  std::ostream& err_;
  const env::Clock& clock_;
  const bool is_on_;
  const std::string what_;
  const uint64_t total_;
  const env::Instant start_;
  env::Instant last_draw_;
  bool has_line_ = false;
};

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_PROGRESS_BAR_H_
