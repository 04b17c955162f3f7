// Writers that know what each of their keys may hold: the durability checker of real processes.
//
// Every write of a key carries a number, larger than those before it. Once a write was
// acknowledged, the key holds it or a later one whose outcome is unknown; a write that was refused
// is never seen.
#ifndef FLOTILLA_TESTS_CLUSTER_REGISTER_WRITERS_H_
#define FLOTILLA_TESTS_CLUSTER_REGISTER_WRITERS_H_

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::cluster_test {

// Writes rising numbers to its keys, each key's one after another, all keys at once. Thread-safe.
class RegisterWriters {
 public:
  // `client` must outlive the writers.
  RegisterWriters(client::RawClient* client, int keys);
  ~RegisterWriters() { Stop(); }
  RegisterWriters(const RegisterWriters&) = delete;
  RegisterWriters& operator=(const RegisterWriters&) = delete;

  void Start();
  // Returns when nothing is under way any more. Idempotent.
  void Stop();
  // Compares every key with what is stored. Call after Stop.
  void Check();

  int64_t acknowledged();
  int64_t undetermined();
  int64_t refused();
  // The last answer that was not OK, in words.
  std::string last_error();

 private:
  struct Register {
    int64_t attempted = 0;
    int64_t acknowledged = 0;
    std::set<int64_t> undetermined;  // Later than `acknowledged`.
  };

  static std::string Key(size_t i) { return "durable/" + std::to_string(i); }
  void WriteNext(size_t i);
  void OnWritten(size_t i, int64_t number, const absl::Status& status);

  client::RawClient* const client_;
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  CondVar changed_;
  size_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t undetermined_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string last_error_ ABSL_GUARDED_BY(mutex_);
  std::vector<Register> registers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::cluster_test

#endif  // FLOTILLA_TESTS_CLUSTER_REGISTER_WRITERS_H_
