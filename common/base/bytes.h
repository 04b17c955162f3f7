// Shared immutable payloads, and the border between std::string_view and Debian's
// absl::string_view.
//
// The project's string view is std::string_view. Debian's abseil is built without it, so its own
// absl::string_view is another type: ToAbsl and FromAbsl convert at calls into abseil.
#ifndef FLOTILLA_COMMON_BASE_BYTES_H_
#define FLOTILLA_COMMON_BASE_BYTES_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/string_view.h"

namespace flotilla {

inline absl::string_view ToAbsl(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view FromAbsl(absl::string_view s) { return {s.data(), s.size()}; }

// A byte string that is never changed, so that copies share it: an entry's payload is held by the
// log, by each follower's message and by the applier at once. Thread-safe as a shared_ptr is.
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::string data)
      : data_(data.empty() ? nullptr : std::make_shared<const std::string>(std::move(data))) {}
  static Bytes Copy(std::string_view data) { return Bytes(std::string(data)); }

  std::string_view view() const { return data_ ? std::string_view(*data_) : std::string_view(); }
  size_t size() const { return data_ ? data_->size() : 0; }
  bool empty() const { return size() == 0; }

  friend bool operator==(const Bytes& a, const Bytes& b) { return a.view() == b.view(); }

 private:
  std::shared_ptr<const std::string> data_;
};

}  // namespace flotilla

#endif  // FLOTILLA_COMMON_BASE_BYTES_H_
