// What happened in a test of replicated key-value groups, checked as it happens:
//  - every replica applies the same commands in the same order;
//  - a term of a group has one leader;
//  - a write that was refused is never applied, one that was acknowledged is;
//  - reads and writes of each key are linearizable. The log gives the one order of the writes, and
//    values are unique, so that an operation is right if its place in that order is not before the
//    place of any operation that was finished when it began.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SUPPORT_KV_HISTORY_H_
#define FLOTILLA_TESTS_SUPPORT_KV_HISTORY_H_

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/raft/types.h"

namespace flotilla::testing {

struct KvCommand {
  enum class Kind : char { kPut = 'P', kAppend = 'A' };
  Kind kind = Kind::kPut;
  std::string key;
  std::string value;
};
std::string EncodeKvCommand(const KvCommand& command);
KvCommand DecodeKvCommand(std::string_view data);

class KvHistory {
 public:
  // Place of a command in its group's log; {0, 0} is before all.
  struct Place {
    Index index;
    int ordinal = 0;  // Within its entry.
    auto operator<=>(const Place&) const = default;
  };
  // An operation that has begun.
  struct Operation {
    std::string key;
    std::string value;  // Of a write.
    Place floor;        // Nothing that finished before it began has a place after this one.
  };

  void OnApply(RegionId region, raft::EntryId at, int ordinal, const KvCommand& command);
  void OnLeader(RegionId region, Term term, StoreId store);

  Operation BeginWrite(const std::string& key, const std::string& value);
  void EndWrite(const Operation& write, raft::EntryId at);
  // The write did not and will not take effect.
  void RefuseWrite(const Operation& write);
  Operation BeginRead(const std::string& key) const;
  void EndRead(const Operation& read, const std::optional<std::string>& value);

  // What the key should be once everything is applied.
  std::optional<std::string> Expected(const std::string& key) const;
  const std::vector<std::string>& violations() const { return violations_; }
  uint64_t writes() const { return writes_; }
  uint64_t reads() const { return reads_; }
  uint64_t refused() const { return refused_.size(); }

 private:
  struct Key {
    std::map<std::string, Place> places;  // Of each value that the key had.
    std::string value;
    Place floor;
  };
  void Complain(std::string what);
  void Finish(Key& key, const Operation& operation, Place place, bool must_move,
              std::string_view what);

  std::map<std::pair<RegionId, Place>, std::string> applied_;
  std::map<RegionId, Place> last_applied_;
  std::map<std::pair<RegionId, Term>, StoreId> leaders_;
  std::map<std::string, Key> keys_;
  std::map<std::string, Place> written_;  // By the value of the command.
  std::set<std::string> refused_;
  uint64_t writes_ = 0;
  uint64_t reads_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_KV_HISTORY_H_
