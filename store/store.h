// A store, put together: engines, groups, services and stages, in the order in which they need each
// other. main() makes one.
#ifndef FLOTILLA_STORE_STORE_H_
#define FLOTILLA_STORE_STORE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/env/clock.h"
#include "store/store_config.h"

namespace flotilla::store {

class Store {
 public:
  // Returns when the store serves. Blocks until PD answers. `config_json` is the effective
  // configuration, for /config. Errors name what is wrong: the data directory, an address, what PD
  // refuses.
  static absl::StatusOr<std::unique_ptr<Store>> Start(const StoreConfig& config,
                                                      std::string config_json);
  // As after a crash, but for threads: Drain first.
  ~Store();

  // Hands over all leaderships, ends the streams and flushes, in at most about `limit`.
  void Drain(env::Duration limit);

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_STORE_H_
