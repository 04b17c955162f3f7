// The client of a Flotilla cluster: raw keys and values, linearizable.
//
//   flotilla::client::ClientOptions options;
//   options.pd_addresses = {"127.0.0.1:2379"};
//   auto client = flotilla::client::Connect(options);
//   if (!client.ok()) ...
//   absl::Status put = (*client)->Put("key", "value");
//
// Every call has a form that waits and a form that calls back. Callbacks run on the client's
// threads: they must not block, and so must not use the waiting forms or destroy the client.
//
// What a status means:
//   OK                 the operation took effect.
//   Undetermined       (IsUndetermined) a write may or may not have taken effect, and still may:
//                      the connection broke under it, or no answer came within
//                      ClientOptions::request_timeout. Not even a read tells, for a copy that is
//                      held back on its way may arrive after it.
//   DeadlineExceeded   it did not take effect within its time, and never will. Unavailable: the
//                      retry budget was used up; the message names the last refusal.
//   InvalidArgument    the request itself is wrong, as the message says.
//   ResourceExhausted  too many operations are in flight in this client.
//   Cancelled          the client is closing.
//
// A write is sent again only while it is certain that no store has executed it and none will: it
// was not sent yet, or it was refused. WriteOptions::resend_unanswered says otherwise.
#ifndef FLOTILLA_CLIENT_RAW_CLIENT_H_
#define FLOTILLA_CLIENT_RAW_CLIENT_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "flotilla/client/options.h"

namespace flotilla::client {

// Longer keys, and empty ones, are refused with InvalidArgument.
inline constexpr size_t kMaxKeyBytes = 8 * 1024;

struct KeyValue {
  std::string key;
  std::string value;

  bool operator==(const KeyValue&) const = default;
};

struct CallOptions {
  // Zero: ClientOptions::timeout.
  std::chrono::milliseconds timeout{0};
};

struct WriteOptions {
  // The key goes away by itself after this time. Zero: never.
  std::chrono::seconds ttl{0};
  std::chrono::milliseconds timeout{0};
  // For Put and BatchPut: send the write again when its answer did not come, instead of ending it
  // as undetermined. The first copy may be held back on its way (by a link that is down, a kernel
  // that retransmits, a proxy) and be executed late, after the second one was acknowledged and
  // after what anybody wrote to the same keys since, which is lost then although it was
  // acknowledged; a late copy also begins the TTL anew. Harmless only where nobody writes these
  // keys afterwards, for as long as a link may hold data back: keys that are each loaded once, say.
  bool resend_unanswered = false;
};

struct ScanOptions {
  // Rows at most. Zero: no limit; the whole result is held in memory, so mind the range.
  uint64_t limit = 0;
  // From the end of the range down, rows in descending order.
  bool reverse = false;
  // Leaves the values out.
  bool key_only = false;
  // Of the whole scan.
  std::chrono::milliseconds timeout{0};
};

struct CasResult {
  bool swapped = false;
  // What the key held before: not there, or its value.
  std::optional<std::string> previous;
};

struct Checksum {
  // The XOR over all pairs of CRC-64/XZ(request key, value), so that the order and the cut into
  // regions do not matter.
  uint64_t crc64_xor = 0;
  uint64_t keys = 0;
  // Of request keys and values.
  uint64_t bytes = 0;

  bool operator==(const Checksum&) const = default;
};

// Half-open [start, end). An empty start is the keyspace's first key; an empty end, its end.
struct Range {
  std::string start;
  std::string end;
};

// True when a write failed such that it may have taken effect.
bool IsUndetermined(const absl::Status& status);

// Thread-safe.
class RawClient {
 public:
  template <typename T>
  using Callback = absl::AnyInvocable<void(absl::StatusOr<T>) &&>;
  using StatusCallback = absl::AnyInvocable<void(absl::Status) &&>;
  using Value = std::optional<std::string>;  // Absent: no such key.
  using Pairs = std::vector<KeyValue>;

  // Ends operations under way with Cancelled, or Undetermined, and waits for their callbacks.
  virtual ~RawClient() = default;

  virtual void GetAsync(std::string key, CallOptions options, Callback<Value> callback) = 0;
  virtual void PutAsync(std::string key, std::string value, WriteOptions options,
                        StatusCallback callback) = 0;
  virtual void DeleteAsync(std::string key, CallOptions options, StatusCallback callback) = 0;

  // The pairs that exist, ordered by key; absent keys are left out.
  virtual void BatchGetAsync(std::vector<std::string> keys, CallOptions options,
                             Callback<Pairs> callback) = 0;
  // Not atomic: after a failure some of the pairs may be written. Of a key that is given twice the
  // last value wins.
  virtual void BatchPutAsync(Pairs pairs, WriteOptions options, StatusCallback callback) = 0;
  virtual void BatchDeleteAsync(std::vector<std::string> keys, CallOptions options,
                                StatusCallback callback) = 0;

  virtual void ScanAsync(Range range, ScanOptions options, Callback<Pairs> callback) = 0;
  // Not atomic across regions.
  virtual void DeleteRangeAsync(Range range, CallOptions options, StatusCallback callback) = 0;

  // Writes `value` if the key holds `expected` (absent: if there is no such key).
  virtual void CompareAndSwapAsync(std::string key, Value expected, std::string value,
                                   WriteOptions options, Callback<CasResult> callback) = 0;
  // The rest of the key's life; zero: it has no end. Absent: no such key.
  virtual void GetTtlAsync(std::string key, CallOptions options,
                           Callback<std::optional<std::chrono::seconds>> callback) = 0;
  virtual void ChecksumAsync(Range range, CallOptions options, Callback<Checksum> callback) = 0;

  // The forms that wait.
  absl::StatusOr<Value> Get(std::string key, CallOptions options = {});
  absl::Status Put(std::string key, std::string value, WriteOptions options = {});
  absl::Status Delete(std::string key, CallOptions options = {});
  absl::StatusOr<Pairs> BatchGet(std::vector<std::string> keys, CallOptions options = {});
  absl::Status BatchPut(Pairs pairs, WriteOptions options = {});
  absl::Status BatchDelete(std::vector<std::string> keys, CallOptions options = {});
  absl::StatusOr<Pairs> Scan(Range range, ScanOptions options = {});
  absl::Status DeleteRange(Range range, CallOptions options = {});
  absl::StatusOr<CasResult> CompareAndSwap(std::string key, Value expected, std::string value,
                                           WriteOptions options = {});
  absl::StatusOr<std::optional<std::chrono::seconds>> GetTtl(std::string key,
                                                             CallOptions options = {});
  absl::StatusOr<Checksum> ComputeChecksum(Range range, CallOptions options = {});

  // The checksum of one pair as the cluster computes it, to compare what was written with what is
  // stored.
  virtual Checksum ChecksumOf(const KeyValue& pair) const = 0;

  // The client's metrics in Prometheus' text format.
  virtual std::string MetricsText() const = 0;
};

// Reaches PD and learns the keyspace. Unavailable when no PD member answers within
// options.connect_timeout, NotFound when there is no such keyspace.
absl::StatusOr<std::unique_ptr<RawClient>> Connect(const ClientOptions& options);

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_RAW_CLIENT_H_
