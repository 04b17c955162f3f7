// Proves that what was loaded is stored: knows a checksum of each record that was given, the last
// one of each key, and compares with the cluster. Sixteen bytes of memory a key and a half.
#ifndef FLOTILLA_CLIENT_CLI_LOAD_VERIFIER_H_
#define FLOTILLA_CLIENT_CLI_LOAD_VERIFIER_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/admin.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::cli {

class LoadVerifier {
 public:
  // `client` and `regions` must outlive it.
  LoadVerifier(client::RawClient* client, client::RegionAdmin* regions)
      : client_(client), regions_(regions) {}

  // Before the load: looks whether `range`, where all keys will be, is empty. If it is, the stores
  // compute the checksum later; if not, every pair of the range is read.
  absl::Status Prepare(client::Range range);
  void Add(const client::KeyValue& pair);

  // After the load. DataLoss, saying what differs, when the cluster holds other data; else the
  // checksum of what was loaded.
  absl::StatusOr<client::Checksum> Verify() const;

 private:
  struct Record {
    uint64_t crc;
    uint64_t bytes;
  };
  client::Checksum Expected() const;
  absl::Status VerifyByReading() const;

  client::RawClient* const client_;
  client::RegionAdmin* const regions_;
  client::Range range_;
  bool was_empty_ = false;
  absl::flat_hash_map<uint64_t, Record> records_;  // By the key's hash.
};

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_LOAD_VERIFIER_H_
