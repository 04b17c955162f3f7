// The waiting forms of RawClient: the calling-back form and a wait for it.
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "common/base/mutex.h"
#include "common/errors/region_error.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::client {
namespace {

// Where one answer is awaited. Lives on the waiting thread's stack.
template <typename T>
class Answer {
 public:
  // The callback to pass on. Called once.
  auto Callback() {
    return [this](T value) {
      MutexLock lock(mutex_);
      value_.emplace(std::move(value));
      // Under the lock: the waiter owns this object and may go as soon as it sees the value.
      answered_.NotifyOne();
    };
  }
  T Await() {
    MutexLock lock(mutex_);
    while (!value_.has_value()) answered_.Wait(mutex_);
    return *std::move(value_);
  }

 private:
  Mutex mutex_;
  CondVar answered_;
  std::optional<T> value_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

bool IsUndetermined(const absl::Status& status) { return errors::IsUndetermined(status); }

absl::StatusOr<RawClient::Value> RawClient::Get(std::string key, CallOptions options) {
  Answer<absl::StatusOr<Value>> answer;
  GetAsync(std::move(key), options, answer.Callback());
  return answer.Await();
}

absl::Status RawClient::Put(std::string key, std::string value, WriteOptions options) {
  Answer<absl::Status> answer;
  PutAsync(std::move(key), std::move(value), options, answer.Callback());
  return answer.Await();
}

absl::Status RawClient::Delete(std::string key, CallOptions options) {
  Answer<absl::Status> answer;
  DeleteAsync(std::move(key), options, answer.Callback());
  return answer.Await();
}

absl::StatusOr<RawClient::Pairs> RawClient::BatchGet(std::vector<std::string> keys,
                                                     CallOptions options) {
  Answer<absl::StatusOr<Pairs>> answer;
  BatchGetAsync(std::move(keys), options, answer.Callback());
  return answer.Await();
}

absl::Status RawClient::BatchPut(Pairs pairs, WriteOptions options) {
  Answer<absl::Status> answer;
  BatchPutAsync(std::move(pairs), options, answer.Callback());
  return answer.Await();
}

absl::Status RawClient::BatchDelete(std::vector<std::string> keys, CallOptions options) {
  Answer<absl::Status> answer;
  BatchDeleteAsync(std::move(keys), options, answer.Callback());
  return answer.Await();
}

absl::StatusOr<RawClient::Pairs> RawClient::Scan(Range range, ScanOptions options) {
  Answer<absl::StatusOr<Pairs>> answer;
  ScanAsync(std::move(range), options, answer.Callback());
  return answer.Await();
}

absl::Status RawClient::DeleteRange(Range range, CallOptions options) {
  Answer<absl::Status> answer;
  DeleteRangeAsync(std::move(range), options, answer.Callback());
  return answer.Await();
}

absl::StatusOr<CasResult> RawClient::CompareAndSwap(std::string key, Value expected,
                                                    std::string value, WriteOptions options) {
  Answer<absl::StatusOr<CasResult>> answer;
  CompareAndSwapAsync(std::move(key), std::move(expected), std::move(value), options,
                      answer.Callback());
  return answer.Await();
}

absl::StatusOr<std::optional<std::chrono::seconds>> RawClient::GetTtl(std::string key,
                                                                      CallOptions options) {
  Answer<absl::StatusOr<std::optional<std::chrono::seconds>>> answer;
  GetTtlAsync(std::move(key), options, answer.Callback());
  return answer.Await();
}

absl::StatusOr<Checksum> RawClient::ComputeChecksum(Range range, CallOptions options) {
  Answer<absl::StatusOr<Checksum>> answer;
  ChecksumAsync(std::move(range), options, answer.Callback());
  return answer.Await();
}

}  // namespace flotilla::client
