// flotilla-pd: a member of the placement driver.
#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "common/base/log.h"
#include "common/config/option_set.h"
#include "common/rpc/process.h"
#include "pd/pd.h"
#include "pd/pd_config.h"

namespace {

// Under the 10 s after which a process manager loses patience.
constexpr std::chrono::seconds kDrainLimit{8};

}  // namespace

int main(int argc, char** argv) {
  using flotilla::pd::Pd;
  using flotilla::pd::PdConfig;

  flotilla::rpc::SetUpProcess();
  PdConfig config;
  flotilla::config::OptionSet options("flotilla-pd",
                                      "A member of the placement driver of a Flotilla cluster.");
  flotilla::pd::AddOptions(options, config);
  if (const std::optional<int> exit_code =
          options.HandleCommandLine(argc, argv, std::cout, std::cerr)) {
    return *exit_code;
  }
  flotilla::base::LogOptions log_options;
  log_options.level = config.log.level;
  log_options.file = config.log.file;
  if (const absl::Status status = flotilla::base::InitLogging(log_options); !status.ok()) {
    std::cerr << "flotilla-pd: " << status.message() << "\n";
    return 1;
  }
  // Before any thread starts, so that the signals come to this one alone.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  const bool logs_elsewhere = !config.log.file.empty();
  auto pd = Pd::Start(config, options.ToJson(), [logs_elsewhere](const absl::Status& why) {
    LOG_ERROR("stops: {}", why.ToString());
    flotilla::base::FlushLogs();
    if (logs_elsewhere) std::cerr << "flotilla-pd: " << why.message() << std::endl;
    // It has promised nothing: there is nothing to end in order.
    std::_Exit(EXIT_FAILURE);
  });
  if (!pd.ok()) {
    LOG_ERROR("cannot start: {}", pd.status().ToString());
    flotilla::base::FlushLogs();
    if (!config.log.file.empty()) std::cerr << "flotilla-pd: " << pd.status().message() << "\n";
    return 1;
  }
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  LOG_INFO("stops on signal {}", signal_number);
  (*pd)->Drain(kDrainLimit);
  pd->reset();
  LOG_INFO("stopped");
  flotilla::base::FlushLogs();
  return 0;
}
