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

namespace flotilla::testing {

struct KvStoreOptions {
  multiraft::HostConfig host;
  const env::Clock* clock = nullptr;
  env::Random random{0};
  env::Scheduler* scheduler = nullptr;
  raftlog::LogEngine* log_engine = nullptr;
  engine::KvEngine* kv_engine = nullptr;
  net::Transport* transport = nullptr;
  KvHistory* history = nullptr;  // May be null.
};

class KvStore final : public multiraft::Tenant {
 public:
  // Makes `region` known to the engines of a store, as a member of `voters`.
  static void Bootstrap(engine::KvEngine* engine, RegionId region,
                        const std::vector<PeerId>& voters);

  // Finishes interrupted installations of snapshots and adds every group that the engines know.
  explicit KvStore(const KvStoreOptions& options);
  ~KvStore() override;

  multiraft::Host& host() { return *host_; }
  StoreId id() const { return options_.host.store_id; }
  KvGroupStorage Storage(RegionId region) const { return {options_.kv_engine, region}; }
  // Null when the group is unknown.
  std::shared_ptr<multiraft::LeaderLease> Lease(RegionId region);
  // True once this store's peer was told that it leads and everything before is applied.
  bool IsReadyLeader(RegionId region);
  // Messages of this region do not make a peer any more.
  void Forget(RegionId region);
  metrics::Registry& metrics() { return metrics_; }

  // multiraft::Tenant.
  absl::Status GroupNotFound(RegionId region_id) const override;
  absl::Status Busy() const override;
  void OnMessageToUnknownGroup(net::Envelope envelope) override;

 private:
  struct Group {
    std::shared_ptr<multiraft::LeaderLease> lease;
    bool ready = false;
  };
  void AddGroup(RegionId region);
  void FinishInstallations();

  const KvStoreOptions options_;
  metrics::Registry metrics_;
  Mutex mutex_;
  std::map<RegionId, Group> groups_ ABSL_GUARDED_BY(mutex_);
  std::map<RegionId, bool> forgotten_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<multiraft::Host> host_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_SUPPORT_KV_STORE_H_
