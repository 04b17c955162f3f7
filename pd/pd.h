// A PD member, put together: engines, the replica, services and stages, in the order in which they
// need each other. main() makes one.
#ifndef FLOTILLA_PD_PD_H_
#define FLOTILLA_PD_PD_H_

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/env/clock.h"
#include "pd/pd_config.h"

namespace flotilla::pd {

class Pd {
 public:
  // Why the member must not go on, found out after it was started: the others know its data
  // directory from before, and it is empty. Called at most once, on a thread of the member's.
  using OnRefused = absl::AnyInvocable<void(const absl::Status&)>;

  // Returns when the member listens; whether it leads is for the members to decide. A member whose
  // directory is new takes part once the others were asked. `config_json` is the effective
  // configuration, for /config. Errors name what is wrong: the data directory, an address.
  static absl::StatusOr<std::unique_ptr<Pd>> Start(const PdConfig& config, std::string config_json,
                                                   OnRefused on_refused);
  // As after a crash, but for threads: Drain first.
  ~Pd();

  // Hands the leadership over, ends the streams, answers what is under way and flushes, in at most
  // about `limit`.
  void Drain(env::Duration limit);

  int port() const;
  int status_port() const;

 private:
  class Impl;
  explicit Pd(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_PD_H_
