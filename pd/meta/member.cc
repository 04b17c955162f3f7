#include "pd/meta/member.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/checksum.h"

namespace flotilla::pd {

PeerId MemberId(std::string_view name) {
  const uint64_t hash = Xxh3(name);
  return PeerId(hash == 0 ? 1 : hash);
}

MemberList::MemberList(std::vector<Member> members, std::string_view self)
    : members_(std::move(members)) {
  bool found = false;
  for (size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].name != self) continue;
    self_ = i;
    found = true;
  }
  CHECK(found) << "member " << self << " is not in the list of members";
}

const Member* MemberList::Find(PeerId id) const {
  for (const Member& member : members_) {
    if (member.id == id) return &member;
  }
  return nullptr;
}

}  // namespace flotilla::pd
