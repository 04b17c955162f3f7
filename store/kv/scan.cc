#include "store/kv/scan.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/checksum.h"
#include "common/base/status_macros.h"
#include "store/kv/value_format.h"

namespace flotilla::store {

RangeReader::RangeReader(const engine::KvEngine* engine, const KeyCodec* codec)
    : engine_(engine), codec_(codec), snapshot_(engine->NewSnapshot()) {}

absl::Status RangeReader::Scan(const KeyRange& range, const ScanOptions& options,
                               KvPairs* pairs) const {
  if (range.IsEmpty() || options.limit == 0) return absl::OkStatus();
  const engine::ReadOptions read{.snapshot = snapshot_.get(), .bounds = range};
  const auto iterator = engine_->NewIterator(engine::ColumnFamily::kDefault, read);
  uint64_t bytes = 0;
  uint32_t found = 0;
  options.reverse ? iterator->SeekToLast() : iterator->SeekToFirst();
  for (; iterator->Valid() && found < options.limit;
       options.reverse ? iterator->Prev() : iterator->Next()) {
    ASSIGN_OR_RETURN(const StoredValue stored, ParseStoredValue(iterator->value()));
    if (stored.ExpiredAt(options.now_ms)) continue;
    bytes += iterator->key().size() + (options.key_only ? 0 : stored.value.size());
    if (bytes > options.max_bytes) {
      return absl::ResourceExhaustedError(absl::StrCat("ScanTooLarge: the first ", found + 1,
                                                       " pairs take more than the limit of ",
                                                       options.max_bytes, " bytes; ask for fewer"));
    }
    kvrpcpb::KvPair* pair = pairs->Add();
    RETURN_IF_ERROR(codec_->Decode(iterator->key(), *pair->mutable_key()));
    if (!options.key_only) pair->set_value(std::string(stored.value));
    ++found;
  }
  return iterator->status();
}

absl::Status RangeReader::Checksum(const KeyRange& range, int64_t now_ms,
                                   ChecksumTotals& totals) const {
  if (range.IsEmpty()) return absl::OkStatus();
  const engine::ReadOptions read{.snapshot = snapshot_.get(), .bounds = range, .fill_cache = false};
  const auto iterator = engine_->NewIterator(engine::ColumnFamily::kDefault, read);
  std::string key;
  for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
    ASSIGN_OR_RETURN(const StoredValue stored, ParseStoredValue(iterator->value()));
    if (stored.ExpiredAt(now_ms)) continue;
    RETURN_IF_ERROR(codec_->Decode(iterator->key(), key));
    totals.checksum ^= Crc64(Crc64(0, key), stored.value);
    totals.total_kvs += 1;
    totals.total_bytes += key.size() + stored.value.size();
  }
  return iterator->status();
}

}  // namespace flotilla::store
