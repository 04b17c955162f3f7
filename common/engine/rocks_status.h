// RocksDB's outcomes in our terms.
#ifndef FLOTILLA_COMMON_ENGINE_ROCKS_STATUS_H_
#define FLOTILLA_COMMON_ENGINE_ROCKS_STATUS_H_

#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <string_view>

#include "absl/status/status.h"

namespace flotilla::engine {

inline rocksdb::Slice ToSlice(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view FromSlice(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

// `what` says what was tried. Corruption is DataLoss, a full disk ResourceExhausted, a held lock
// Unavailable.
absl::Status FromRocks(std::string_view what, const rocksdb::Status& status);

}  // namespace flotilla::engine

#endif  // FLOTILLA_COMMON_ENGINE_ROCKS_STATUS_H_
