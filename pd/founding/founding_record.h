// What a member's data directory remembers of the founding of its cluster, and what follows from
// that and from what the other members remember.
//
// The danger: a member's directory is emptied, it starts again, and votes, or acknowledges, against
// what it has forgotten. So no member takes part in Raft before the cluster is *founded*: every
// directory has a life, named by a nonce that is drawn when the directory is empty; all members
// learn the nonces of all, write them down as the *founders*, and begin once everybody is known to
// have written down the same. A life writes founders down once and never others.
//
// So there are no two foundings that share a life: a life would have written down both. Once a
// cluster is founded, a member that was emptied, whose life is another one, is no founder of it,
// and cannot found another one before *every* other member was emptied too. It is refused, or
// waits.
//
// The steps of a first start, and what a crash between them leaves:
//  1. The nonce is on disk. Before: nobody has heard of it, another one is drawn. After: each later
//     start tells the same one, so that whoever has written it down knows this member again.
//  2. The nonces of all members are known, and are on disk as the founders. Before: they are asked
//     for again. After: they stay, however long the others take.
//  3. All others have the same founders, or one of them takes part already and has the same: that
//     is on disk. Before: they are asked again; who takes part says so for ever, so that one answer
//     is enough then. After: this member takes part at each start, and asks nobody.
//  4. It takes part. Everything from here on is Raft's.
// A member that is slow, or that comes weeks later, finds the others founded with its own nonce and
// joins them: it was a founder and has promised nothing yet.
//
// Not in this picture: a directory that is an older copy of itself. It has its life's nonce.
#ifndef FLOTILLA_PD_FOUNDING_FOUNDING_RECORD_H_
#define FLOTILLA_PD_FOUNDING_FOUNDING_RECORD_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "pd/meta/member.h"

namespace flotilla::pd {

// Nonces by the names of members.
using Founders = std::map<std::string, uint64_t>;

struct FoundingRecord {
  // 0: the directory is from before there were records.
  uint64_t nonce = 0;
  // Empty, or of all members.
  Founders founders;
  bool founded = false;

  bool operator==(const FoundingRecord&) const = default;
};

// As it is stored.
std::string EncodeFounding(const FoundingRecord& record);
// DataLoss: it does not match its checksum.
absl::StatusOr<FoundingRecord> DecodeFounding(std::string_view data);

// What another member has answered.
struct Heard {
  FoundingRecord record;
  uint64_t cluster_id = 0;
};

// What a member that does not take part yet does next.
struct FoundingStep {
  enum class Kind {
    // Nothing: members are missing, or have not come as far.
    kWait,
    // Writes `founders` down.
    kRemember,
    // Takes part.
    kJoin,
    // Stops, because of `why`: its directory, or another founder's, was emptied.
    kRefuse,
  };
  Kind kind = Kind::kWait;
  Founders founders;
  std::string why;
};

// `heard`: the newest answer of each member that has answered. REQUIRES: `own` is not founded.
FoundingStep NextStep(const MemberList& members, const FoundingRecord& own,
                      const std::map<std::string, Heard>& heard);

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_FOUNDING_FOUNDING_RECORD_H_
