// One process of a test cluster: a Host with KvGroups on given engines. Opening it again over the
// same engines is a restart.
//
// Thread-safe where the Host is.
#ifndef FLOTILLA_TESTS_SUPPORT_KV_STORE_H_
#define FLOTILLA_TESTS_SUPPORT_KV_STORE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "common/metrics/registry.h"
#include "common/multiraft/host.h"
#include "tests/support/kv_group.h"
#include "tests/support/kv_history.h"
#include "tests/support/raft_promises.h"

namespace flotilla::testing {

struct KvStoreOptions {
  multiraft::HostConfig host;
  const env::Clock* clock = nullptr;
  env::Random random{0};
  env::Scheduler* scheduler = nullptr;
  raftlog::LogEngine* log_engine = nullptr;
  engine::KvEngine* kv_engine = nullptr;
  net::Transport* transport = nullptr;
  KvHistory* history = nullptr;      // May be null.
  RaftPromises* promises = nullptr;  // May be null.
};

class KvStore final : public multiraft::Tenant {
 public:
  // A region starts its life at a position that no entry has.
  static constexpr raft::EntryId kInitial{Term(5), Index(5)};

  // Makes `region` known to the engine of a store, whose peer `self` is one of `voters`.
  static void Bootstrap(engine::KvEngine* engine, RegionId region, PeerId self,
                        const std::vector<PeerId>& voters);

  // Finishes interrupted installations of snapshots and removals, and adds every other group that
  // the engines know.
  explicit KvStore(const KvStoreOptions& options);
  ~KvStore() override;

  multiraft::Host& host() { return *host_; }
  StoreId id() const { return options_.host.store_id; }
  KvGroupStorage Storage(RegionId region) const { return {options_.kv_engine, region}; }
  // Null when the group is unknown.
  std::shared_ptr<multiraft::LeaderLease> Lease(RegionId region);
  // True once this store's peer was told that it leads and everything before is applied.
  bool IsReadyLeader(RegionId region);
  // Is there a peer, be it without a state?
  bool Has(RegionId region);
  // Changes when the data of the group may have been taken away; 0 when there is no peer. Who was
  // admitted to read before must look again after it has read.
  uint64_t Incarnation(RegionId region);
  // The peer is no member any more: it goes, with its log and its data, and does not come back.
  void Destroy(RegionId region, raft::EntryId removed_at = {});
  metrics::Registry& metrics() { return metrics_; }

  // multiraft::Tenant.
  absl::Status GroupNotFound(RegionId region_id) const override;
  absl::Status Busy() const override;
  void OnMessageToUnknownGroup(net::Envelope envelope) override;

 private:
  struct Group {
    PeerId peer;
    std::shared_ptr<multiraft::LeaderLease> lease;
    bool ready = false;
    bool going = false;
    uint64_t incarnation = 0;
  };
  void AddGroup(RegionId region, PeerId peer);
  void SetReady(RegionId region, bool ready);
  void FinishRemoval(RegionId region, const KvTombstone& tombstone);
  void FinishInstallation(RegionId region, const KvInstallation& installation);
  // The data say that the peer was removed; the log may not have heard of it.
  void Bury(RegionId region, const KvTombstone& tombstone);
  void OnDestroyed(RegionId region, const KvTombstone& tombstone);
  // A removed peer gives no vote, but it may be the only one who knows that its removal is
  // committed, and the others would need its vote until they know it too.
  void AnswerForTombstone(const KvTombstone& tombstone, const net::Envelope& envelope);

  const KvStoreOptions options_;
  metrics::Registry metrics_;
  Mutex mutex_;
  std::map<RegionId, Group> groups_ ABSL_GUARDED_BY(mutex_);
  std::map<RegionId, KvTombstone> tombstones_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_incarnation_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<multiraft::Host> host_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_KV_STORE_H_
