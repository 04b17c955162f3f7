// Hears of RocksDB's background work, on its threads: counts what is written to tables, and stops
// the process when the disk fails.
//
// Thread-safe. The engines derive from it what else they listen to.
#ifndef FLOTILLA_COMMON_ENGINE_ROCKS_LISTENER_H_
#define FLOTILLA_COMMON_ENGINE_ROCKS_LISTENER_H_

#include <rocksdb/listener.h>

#include <string>

#include "common/env/fail_stop.h"
#include "common/metrics/registry.h"

namespace flotilla::engine {

class RocksListener : public rocksdb::EventListener {
 public:
  // `engine` names it in metrics and messages: "data". `metrics` may be null; without `fail_stop`
  // the process aborts when the disk fails.
  RocksListener(std::string engine, metrics::Registry* metrics, env::FailStop* fail_stop);

  void OnTableFileCreated(const rocksdb::TableFileCreationInfo& info) override;
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override;

 private:
  const std::string engine_;
  env::FailStop* const fail_stop_;
  metrics::Counter* flushed_ = nullptr;
  metrics::Counter* compacted_ = nullptr;
};

}  // namespace flotilla::engine

#endif  // FLOTILLA_COMMON_ENGINE_ROCKS_LISTENER_H_
