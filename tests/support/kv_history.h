// What happened in a test of replicated key-value groups, checked as it happens:
//  - every replica applies the same commands in the same order, none left out and none twice;
//  - what a replica holds is what the log makes of it up to the replica's applied position;
//  - all replicas go through the same configurations (member_history.h);
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
#include "tests/support/member_history.h"
#include "tests/support/violations.h"

namespace flotilla::testing {

struct KvCommand {
  enum class Kind : char { kPut = 'P', kAppend = 'A' };
  Kind kind = Kind::kPut;
  std::string key;
  std::string value;

  bool operator==(const KvCommand&) const = default;
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

  // `digest` stands for all that the replica has applied, this command included.
  void OnApply(RegionId region, raft::EntryId at, int ordinal, const KvCommand& command,
               uint64_t digest);
  // A replica holds these keys with their values, this configuration, and `applied` as its applied
  // position.
  void CheckReplica(RegionId region, StoreId store, Index applied,
                    const std::map<std::string, std::string>& data, const raft::ConfState& conf);
  void OnLeader(RegionId region, Term term, StoreId store);

  Operation BeginWrite(const std::string& key, const std::string& value);
  void EndWrite(const Operation& write, raft::EntryId at);
  // The write did not and will not take effect.
  void RefuseWrite(const Operation& write);
  Operation BeginRead(const std::string& key) const;
  void EndRead(const Operation& read, const std::optional<std::string>& value);

  // What the key should be once everything is applied.
  std::optional<std::string> Expected(const std::string& key) const;
  const std::vector<std::string>& violations() const { return violations_.all(); }
  // For other checkers of the same run.
  Violations* sink() { return &violations_; }
  MemberHistory& members() { return members_; }
  uint64_t writes() const { return writes_; }
  uint64_t reads() const { return reads_; }
  uint64_t refused() const { return refused_.size(); }

 private:
  struct Key {
    std::map<std::string, Place> places;  // Of each value that the key had.
    std::string value;
    Place floor;
  };
  // A command in the one order of its group.
  struct Applied {
    Term term;
    KvCommand command;
    uint64_t digest = 0;
  };
  static void Execute(const KvCommand& command, std::string& value);
  void Finish(Key& key, const Operation& operation, Place place, bool must_move,
              std::string_view what);

  std::map<std::pair<RegionId, Place>, Applied> applied_;
  std::map<RegionId, Place> last_applied_;
  std::map<std::pair<RegionId, Term>, StoreId> leaders_;
  std::map<std::string, Key> keys_;
  std::map<std::string, Place> written_;  // By the value of the command.
  std::set<std::string> refused_;
  uint64_t writes_ = 0;
  uint64_t reads_ = 0;
  Violations violations_;
  MemberHistory members_{&violations_};
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_KV_HISTORY_H_
