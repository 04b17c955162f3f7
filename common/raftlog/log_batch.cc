#include "common/raftlog/log_batch.h"

namespace flotilla::raftlog {
namespace {

// Key, checksum and header of a stored entry or state, about.
constexpr size_t kOverheadBytes = 40;

}  // namespace

size_t LogChange::ByteSize() const {
  size_t bytes = kOverheadBytes;
  for (const raft::Entry& entry : entries) bytes += kOverheadBytes + entry.data.size();
  for (const auto& [name, value] : records) bytes += kOverheadBytes + name.size() + value.size();
  return bytes;
}

size_t LogBatch::ByteSize() const {
  size_t bytes = 0;
  for (const LogChange& change : changes) bytes += change.ByteSize();
  return bytes;
}

}  // namespace flotilla::raftlog
