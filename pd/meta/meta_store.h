// The replicated metadata as the leader's parts see it: propose a command, read what is applied.
// Production puts the multiraft host behind it (raft_meta_store.h); tests a state machine in the
// same process.
//
// Thread-safe. Nothing blocks.
#ifndef FLOTILLA_PD_META_META_STORE_H_
#define FLOTILLA_PD_META_META_STORE_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "flotilla/pd_meta.pb.h"
#include "pd/meta/meta_reader.h"

namespace flotilla::pd {

class MetaStore {
 public:
  using Callback = absl::AnyInvocable<void(absl::StatusOr<meta::v1::Result>) &&>;
  using ReadCallback = absl::AnyInvocable<void(absl::Status) &&>;

  virtual ~MetaStore() = default;

  // Runs the command, unless this member does not lead `term` any more (Unavailable, "not leader").
  // `now_ms` is filled in. OK: durable on a quorum and visible to reader(). errors::IsUndetermined:
  // nobody can know. Anything else: refused, nothing changed. `callback` may run at once.
  virtual void Propose(Term term, meta::v1::Command command, Callback callback) = 0;

  // OK: everything that any leader acknowledged before the call is visible to reader(). On any
  // member.
  virtual void Read(ReadCallback callback) = 0;

  virtual MetaReader reader() const = 0;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_META_META_STORE_H_
