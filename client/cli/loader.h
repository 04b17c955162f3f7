// Writes many records in parallel: cuts them into batches and keeps a bounded number of batches in
// flight.
//
// Two records of one key are written in the order in which they came: a batch that holds a key
// which is in flight waits for it. Add and Finish are called by one thread; answers come on the
// client's.
#ifndef FLOTILLA_CLIENT_CLI_LOADER_H_
#define FLOTILLA_CLIENT_CLI_LOADER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::cli {

class Loader {
 public:
  struct Options {
    size_t batches_in_flight = 16;
    size_t batch_keys = 256;
    size_t batch_bytes = 256 * 1024;
  };

  // `client` must outlive it.
  Loader(client::RawClient* client, Options options);
  // Waits for what is in flight.
  ~Loader();

  // Waits while too much is in flight. An error is the first that a batch met: nothing more is
  // written then.
  absl::Status Add(client::KeyValue pair);
  // Writes what is left and waits for all.
  absl::Status Finish();

  // Of batches that were written.
  uint64_t records_written() const;

 private:
  struct Batch {
    client::RawClient::Pairs pairs;
    std::vector<uint64_t> key_hashes;
    size_t bytes = 0;
  };

  absl::Status Send();
  void OnWritten(const std::vector<uint64_t>& key_hashes, absl::Status status);
  void AwaitInFlight(size_t at_most) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  client::RawClient* const client_;
  const Options options_;
  Batch batch_;

  mutable Mutex mutex_;
  CondVar answered_;
  size_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  // Hashes of the keys in flight: a collision costs a wait, nothing else.
  absl::flat_hash_set<uint64_t> keys_in_flight_ ABSL_GUARDED_BY(mutex_);
  uint64_t records_written_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_LOADER_H_
