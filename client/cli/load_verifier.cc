#include "client/cli/load_verifier.h"

#include <spdlog/fmt/fmt.h>

#include <utility>

#include "client/cli/byte_text.h"
#include "client/cli/range_reader.h"
#include "common/base/checksum.h"
#include "common/base/status_macros.h"

namespace flotilla::cli {

absl::Status LoadVerifier::Prepare(client::Range range) {
  range_ = std::move(range);
  ASSIGN_OR_RETURN(const client::RawClient::Pairs pairs,
                   client_->Scan(range_, {.limit = 1, .key_only = true}));
  was_empty_ = pairs.empty();
  return absl::OkStatus();
}

void LoadVerifier::Add(const client::KeyValue& pair) {
  const client::Checksum checksum = client_->ChecksumOf(pair);
  records_[Xxh3(pair.key)] = {checksum.crc64_xor, checksum.bytes};
}

client::Checksum LoadVerifier::Expected() const {
  client::Checksum sum;
  for (const auto& [hash, record] : records_) {
    sum.crc64_xor ^= record.crc;
    sum.bytes += record.bytes;
    ++sum.keys;
  }
  return sum;
}

absl::StatusOr<client::Checksum> LoadVerifier::Verify() const {
  const client::Checksum expected = Expected();
  if (!was_empty_) {
    RETURN_IF_ERROR(VerifyByReading());
    return expected;
  }
  ASSIGN_OR_RETURN(const client::Checksum stored, client_->ComputeChecksum(range_));
  if (stored == expected) return expected;
  return absl::DataLossError(fmt::format(
      "verification failed: loaded {} keys, {} bytes, checksum {:016x}; the cluster holds {} keys, "
      "{} bytes, checksum {:016x}",
      expected.keys, expected.bytes, expected.crc64_xor, stored.keys, stored.bytes,
      stored.crc64_xor));
}

absl::Status LoadVerifier::VerifyByReading() const {
  uint64_t found = 0;
  ASSIGN_OR_RETURN(std::vector<client::Range> parts, CutByRegions(*regions_, range_));
  RangeReader reader(client_, std::move(parts), {.order = RangeReader::Order::kAny});
  while (true) {
    ASSIGN_OR_RETURN(const client::RawClient::Pairs pairs, reader.NextPage());
    if (pairs.empty()) break;
    for (const client::KeyValue& pair : pairs) {
      const auto it = records_.find(Xxh3(pair.key));
      if (it == records_.end()) continue;
      ++found;
      if (client_->ChecksumOf(pair).crc64_xor != it->second.crc) {
        return absl::DataLossError(fmt::format(
            "verification failed: key {} holds another value than was loaded", ToText(pair.key)));
      }
    }
  }
  if (found == records_.size()) return absl::OkStatus();
  return absl::DataLossError(fmt::format("verification failed: {} of {} loaded keys are missing",
                                         records_.size() - found, records_.size()));
}

}  // namespace flotilla::cli
