// The members of PD, fixed when a cluster is made.
#ifndef FLOTILLA_PD_META_MEMBER_H_
#define FLOTILLA_PD_META_MEMBER_H_

#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"

namespace flotilla::pd {

struct Member {
  std::string name;
  // host:port, for clients and for the other members.
  std::string address;
  // Its Raft peer, and the store id under which the transport knows it. Made of the name.
  PeerId id;
};

// The same name gives the same id, never 0.
PeerId MemberId(std::string_view name);

class MemberList {
 public:
  // REQUIRES: `self` is the name of one of `members`; names and ids are unique.
  MemberList(std::vector<Member> members, std::string_view self);

  const std::vector<Member>& all() const { return members_; }
  const Member& self() const { return members_[self_]; }
  // Null: none.
  const Member* Find(PeerId id) const;

 private:
  const std::vector<Member> members_;
  size_t self_ = 0;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_META_MEMBER_H_
