// The directory of a RocksDB database, whose files RocksDB makes durable but not itself.
#ifndef FLOTILLA_COMMON_ENGINE_ROCKS_DIRECTORY_H_
#define FLOTILLA_COMMON_ENGINE_ROCKS_DIRECTORY_H_

#include <rocksdb/env.h>

#include <string>

#include "absl/status/status.h"

namespace flotilla::engine {

// Makes `path`, unless it is there, such that it outlives a loss of power: RocksDB syncs what it
// writes in it, but not the name of it above. Without that a member could come back without a log,
// as if it had never voted. `env` null: the file system.
absl::Status MakeDirectoryOutlive(rocksdb::Env* env, const std::string& path);

}  // namespace flotilla::engine

#endif  // FLOTILLA_COMMON_ENGINE_ROCKS_DIRECTORY_H_
