// Writers that know what each of their keys may hold: the durability checker of real processes.
//
// Every write of a key carries a number. A key holds the last write that was acknowledged, or a
// later one whose outcome is unknown; a write that was refused is never seen. A write whose outcome
// is unknown may take effect at any later time, so that nothing certain could be said of its key
// any more: that key is left as it is, for the check in the end, and the writer goes on with
// another one.
#ifndef FLOTILLA_TESTS_CLUSTER_REGISTER_WRITERS_H_
#define FLOTILLA_TESTS_CLUSTER_REGISTER_WRITERS_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::cluster_test {

// A number of writers, each of which writes rising numbers to its key, one after another; all at
// once. Thread-safe.
class RegisterWriters {
 public:
  // `client` must outlive the writers.
  RegisterWriters(client::RawClient* client, int writers);
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
    std::string key;
    int64_t acknowledged = 0;  // 0: none was.
    int64_t undetermined = 0;  // Later than `acknowledged`; 0: none is.
  };
  struct Writer {
    int64_t attempted = 0;
    // The one that is written, behind those that are left.
    std::vector<Register> registers;
  };

  void AddRegister(size_t i) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteNext(size_t i);
  void OnWritten(size_t i, int64_t number, const absl::Status& status);
  void CheckRegister(const Register& expected);

  client::RawClient* const client_;
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  CondVar changed_;
  size_t in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t undetermined_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string last_error_ ABSL_GUARDED_BY(mutex_);
  std::vector<Writer> writers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::cluster_test

#endif  // FLOTILLA_TESTS_CLUSTER_REGISTER_WRITERS_H_
