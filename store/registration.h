// A store's start as PD knows it: where the store is, and that its data directory is the one with
// which it stopped and not an older copy of it.
//
//   GENERATION   in the data directory: the store's last start that PD has taken, and what was
//   drawn
//                for the next one, until PD has taken that
//
// pd/meta/store_memory.h tells what may interrupt a start, and what PD makes of it then.
// Blocks; called by main before any stage runs.
#ifndef FLOTILLA_STORE_REGISTRATION_H_
#define FLOTILLA_STORE_REGISTRATION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/env/file_system.h"
#include "common/env/random.h"
#include "common/pdclient/pd_client.h"

namespace flotilla::store {

// What a data directory remembers of its store's starts.
struct Generation {
  uint64_t number = 0;
  // 0: PD was not told of a start since.
  uint64_t nonce = 0;

  bool operator==(const Generation&) const = default;
};

// All zero where none was written. DataLoss when it does not match its checksum.
absl::StatusOr<Generation> ReadGeneration(const env::FileSystem& files, const std::string& dir);

// Of the data that a store starts with.
struct StartingData {
  env::FileSystem* files = nullptr;
  std::string dir;
  // Of its log engine.
  uint64_t position = 0;
};

// Tells PD of this store; returns the generation of this start. While PD hears of it at another
// address, waits until it may have moved (20 s). FailedPrecondition when PD does not want it: its
// address is another store's, it was removed from the cluster, another process goes on to speak for
// it, or its data are an older copy of themselves.
absl::StatusOr<uint64_t> RegisterStore(const StartingData& data, pdclient::PdClient& pd,
                                       const metapb::Store& self, env::Random random);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_REGISTRATION_H_
