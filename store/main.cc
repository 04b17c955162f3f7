// flotilla-store: a store of a cluster. See --help.
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "common/base/log.h"
#include "common/config/option_set.h"
#include "common/rpc/process.h"
#include "store/store.h"
#include "store/store_config.h"

namespace flotilla::store {
namespace {

// A drained store has exited before those who manage it lose patience.
constexpr env::Duration kDrainLimit = std::chrono::seconds(8);

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

int Run(int argc, char** argv) {
  rpc::SetUpProcess();
  StoreConfig config;
  config::OptionSet options("flotilla-store", "A store of a Flotilla cluster: it holds regions.");
  AddOptions(options, config);
  if (auto exit_code = options.HandleCommandLine(argc, argv, std::cout, std::cerr)) {
    return *exit_code;
  }
  base::LogOptions log;
  log.level = config.log.level;
  log.file = config.log.file;
  if (auto status = base::InitLogging(log); !status.ok()) {
    std::cerr << "flotilla-store: " << status.message() << "\n";
    return EXIT_FAILURE;
  }
  // All threads inherit it: the signals are taken by whoever waits for them.
  sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  // Until the store serves, it may be stopped like by a crash: every step is taken up again.
  std::atomic<bool> serves{false};
  std::atomic<bool> stop{false};
  std::thread waiter([&] {
    int received = 0;
    sigwait(&signals, &received);
    LOG_INFO("signal {}: the store stops", received);
    base::FlushLogs();
    if (!serves) std::_Exit(EXIT_SUCCESS);
    stop = true;
    stop.notify_all();
  });

  auto store = Store::Start(config, options.ToJson());
  if (!store.ok()) {
    if (!config.log.file.empty()) LOG_ERROR("{}", store.status().ToString());
    std::cerr << "flotilla-store: " << store.status().message() << "\n";
    base::FlushLogs();
    std::_Exit(EXIT_FAILURE);
  }
  serves = true;
  stop.wait(false);
  waiter.join();
  (*store)->Drain(kDrainLimit);
  store->reset();
  base::FlushLogs();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace flotilla::store

int main(int argc, char** argv) { return flotilla::store::Run(argc, argv); }
