// Scans of raw keys inside one region, in either direction, and checksums of ranges.
//
// A scan is never cut short inside its region: clients take fewer pairs than the limit as the end
// of the region and go on behind it, so a short page would lose rows without anybody noticing. What
// bounds the memory is the limit of the request, the size of a region, and `max_bytes`: a scan
// whose answer would be larger is refused as a whole, with the advice to ask for fewer pairs.
#ifndef FLOTILLA_STORE_KV_SCAN_H_
#define FLOTILLA_STORE_KV_SCAN_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/key_range.h"
#include "common/engine/kv_engine.h"
#include "store/kv/key_codec.h"
#include "tikv/kvrpcpb.pb.h"

namespace flotilla::store {

struct ScanOptions {
  uint32_t limit = 0;
  bool key_only = false;
  bool reverse = false;
  int64_t now_ms = 0;      // Values that have expired by then are skipped.
  uint64_t max_bytes = 0;  // Of keys and values together.
};

struct ChecksumTotals {
  uint64_t checksum = 0;  // XOR of each pair's CRC-64.
  uint64_t total_kvs = 0;
  uint64_t total_bytes = 0;
};

using KvPairs = google::protobuf::RepeatedPtrField<kvrpcpb::KvPair>;

// Thread-safe: constant. Reads a snapshot of the engine taken when it is made.
class RangeReader {
 public:
  RangeReader(const engine::KvEngine* engine, const KeyCodec* codec);

  // Appends the pairs of an engine range. ResourceExhausted when they are larger than
  // `options.max_bytes`.
  absl::Status Scan(const KeyRange& range, const ScanOptions& options, KvPairs* pairs) const;
  // Adds the range's unexpired pairs to `totals`.
  absl::Status Checksum(const KeyRange& range, int64_t now_ms, ChecksumTotals& totals) const;

 private:
  const engine::KvEngine* const engine_;
  const KeyCodec* const codec_;
  const std::shared_ptr<const engine::Snapshot> snapshot_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_KV_SCAN_H_
