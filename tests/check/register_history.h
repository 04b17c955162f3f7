// What clients did to keys and saw of them, and whether it is linearizable, key by key: is there an
// order of the operations, each at one moment between its beginning and its end, in which every
// result is right? An operation of unknown outcome may have happened at any time after its
// beginning, or not at all.
//
// Each write writes another value, or none, so that the search is short (Wing and Gong's, with what
// was tried remembered).
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_CHECK_REGISTER_HISTORY_H_
#define FLOTILLA_TESTS_CHECK_REGISTER_HISTORY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/violations.h"

namespace flotilla::testing {

class RegisterHistory {
 public:
  using Value = std::optional<std::string>;
  enum class Kind : uint8_t { kRead, kWrite, kSwap };
  enum class Outcome : uint8_t {
    kUnderWay,
    kDone,
    kUnknown,  // It may have happened, and may still.
    kNever,    // It did not happen and never will.
  };
  struct Operation {
    Kind kind = Kind::kRead;
    Outcome outcome = Outcome::kUnderWay;
    // Of a write or swap: what it puts in.
    Value value;
    // Of a swap: what it expects to find.
    Value expected;
    // Of a read or swap that is done: what it found.
    Value found;
    uint64_t begin = 0;
    uint64_t end = UINT64_MAX;
    std::string who;
  };
  // An operation's place, for its end.
  struct Handle {
    std::string key;
    size_t index = 0;
  };

  Handle BeginRead(const std::string& key, std::string who);
  Handle BeginWrite(const std::string& key, Value value, std::string who);
  Handle BeginSwap(const std::string& key, Value expected, Value value, std::string who);
  // `found`: of reads and swaps that are done.
  void End(const Handle& handle, Outcome outcome, Value found = std::nullopt);

  // Adds a violation for each key whose operations have no order.
  void Check(Violations* violations) const;
  // The operations of a key, one line each, in the order of their beginnings.
  std::string Describe(const std::string& key) const;
  // Of all keys.
  std::string Describe() const;
  uint64_t operations() const { return ticks_ / 2; }

 private:
  Operation& Begin(const std::string& key, Kind kind, std::string who, Handle& handle);

  uint64_t ticks_ = 0;
  std::map<std::string, std::vector<Operation>> keys_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_CHECK_REGISTER_HISTORY_H_
