// A half-open range of keys [start, end); an empty end is the end of the key space.
#ifndef FLOTILLA_COMMON_BASE_KEY_RANGE_H_
#define FLOTILLA_COMMON_BASE_KEY_RANGE_H_

#include <string>
#include <string_view>

namespace flotilla {

struct KeyRange {
  std::string start;
  std::string end;

  bool Contains(std::string_view key) const { return key >= start && (end.empty() || key < end); }
  bool ContainsRange(const KeyRange& other) const {
    return other.start >= start && (end.empty() || (!other.end.empty() && other.end <= end));
  }
  bool Overlaps(const KeyRange& other) const {
    return (end.empty() || other.start < end) && (other.end.empty() || start < other.end);
  }
  // True when no key can lie in it.
  bool IsEmpty() const { return !end.empty() && start >= end; }

  bool operator==(const KeyRange&) const = default;
};

}  // namespace flotilla

#endif  // FLOTILLA_COMMON_BASE_KEY_RANGE_H_
