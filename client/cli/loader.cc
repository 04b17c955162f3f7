#include "client/cli/loader.h"

#include <utility>

#include "common/base/checksum.h"
#include "common/base/status_macros.h"

namespace flotilla::cli {

Loader::Loader(client::RawClient* client, Options options) : client_(client), options_(options) {}

Loader::~Loader() {
  MutexLock lock(mutex_);
  AwaitInFlight(0);
}

absl::Status Loader::Add(client::KeyValue pair) {
  batch_.bytes += pair.key.size() + pair.value.size();
  batch_.key_hashes.push_back(Xxh3(pair.key));
  batch_.pairs.push_back(std::move(pair));
  if (batch_.pairs.size() < options_.batch_keys && batch_.bytes < options_.batch_bytes) {
    return absl::OkStatus();
  }
  return Send();
}

absl::Status Loader::Finish() {
  if (!batch_.pairs.empty()) RETURN_IF_ERROR(Send());
  MutexLock lock(mutex_);
  AwaitInFlight(0);
  return status_;
}

uint64_t Loader::records_written() const {
  MutexLock lock(mutex_);
  return records_written_;
}

absl::Status Loader::Send() {
  Batch batch = std::exchange(batch_, Batch());
  {
    MutexLock lock(mutex_);
    AwaitInFlight(options_.batches_in_flight - 1);
    for (const uint64_t hash : batch.key_hashes) {
      if (keys_in_flight_.contains(hash)) {
        AwaitInFlight(0);
        break;
      }
    }
    if (!status_.ok()) return status_;
    ++in_flight_;
    keys_in_flight_.insert(batch.key_hashes.begin(), batch.key_hashes.end());
  }
  // Nothing else is to write these keys while they are loaded.
  client_->BatchPutAsync(std::move(batch.pairs), {.resend_unanswered = true},
                         [this, hashes = std::move(batch.key_hashes)](absl::Status status) {
                           OnWritten(hashes, std::move(status));
                         });
  return absl::OkStatus();
}

void Loader::OnWritten(const std::vector<uint64_t>& key_hashes, absl::Status status) {
  MutexLock lock(mutex_);
  if (status.ok()) {
    records_written_ += key_hashes.size();
  } else {
    status_.Update(std::move(status));
  }
  for (const uint64_t hash : key_hashes) keys_in_flight_.erase(hash);
  --in_flight_;
  // Under the lock: the loader may be destroyed as soon as nothing is in flight.
  answered_.NotifyAll();
}

void Loader::AwaitInFlight(size_t at_most) {
  while (in_flight_ > at_most) answered_.Wait(mutex_);
}

}  // namespace flotilla::cli
