// The replicated metadata over the multiraft host: PD's one Raft group.
//
// Thread-safe.
#ifndef FLOTILLA_PD_META_RAFT_META_STORE_H_
#define FLOTILLA_PD_META_RAFT_META_STORE_H_

#include "common/engine/kv_engine.h"
#include "common/env/clock.h"
#include "common/multiraft/host.h"
#include "pd/meta/meta_store.h"

namespace flotilla::pd {

// The group of every PD.
inline constexpr RegionId kMetaGroup{1};

class RaftMetaStore final : public MetaStore {
 public:
  // A command that is not in the log after so long is refused, and a read gives up.
  static constexpr env::Duration kPatience = std::chrono::seconds(5);

  // All must outlive the store.
  RaftMetaStore(const env::Clock* clock, multiraft::Host* host, const engine::KvEngine* engine)
      : clock_(clock), host_(host), engine_(engine) {}

  void Propose(Term term, meta::v1::Command command, Callback callback) override;
  void Read(ReadCallback callback) override;
  MetaReader reader() const override { return MetaReader(engine_); }

 private:
  const env::Clock* const clock_;
  multiraft::Host* const host_;
  const engine::KvEngine* const engine_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_META_RAFT_META_STORE_H_
