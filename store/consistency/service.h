// The comparison of replicas, put together: the hasher of this store's replicas, the checker of the
// regions that it leads, what others may ask for, and the way of the answers.
//
// Thread-safe.
#ifndef FLOTILLA_STORE_CONSISTENCY_SERVICE_H_
#define FLOTILLA_STORE_CONSISTENCY_SERVICE_H_

#include "absl/functional/any_invocable.h"
#include "common/engine/kv_engine.h"
#include "common/env/stage.h"
#include "common/net/envelope.h"
#include "common/pdclient/pd_client.h"
#include "common/rpc/method_binder.h"
#include "store/consistency/check_api.h"
#include "store/consistency/checker.h"
#include "store/consistency/replica_hasher.h"

namespace flotilla::store {

class ConsistencyService {
 public:
  using Send = absl::AnyInvocable<void(net::Envelope) const>;
  // All must outlive the service; `checker` is what it works on.
  struct Dependencies {
    ConsistencyChecker::Parts checker;
    ClusterId cluster_id;
    const engine::KvEngine* engine = nullptr;
    pdclient::PdClient* pd = nullptr;
  };
  // `send` takes a message to another store.
  ConsistencyService(const ConsistencyOptions& options, const Dependencies& on, env::Random random,
                     Send send);

  void AddStages(env::Scheduler& scheduler);
  void Bind(rpc::MethodBinder& binder);

  HashSink& hashes() { return hasher_; }
  ConsistencyChecker& checker() { return checker_; }

 private:
  // To the store that asked for it, which may be this one.
  void Answer(const HashTask& task, const HashReport& report);

  const StoreId store_id_;
  const Send send_;
  ConsistencyChecker checker_;
  ReplicaHasher hasher_;
  CheckApi api_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_CONSISTENCY_SERVICE_H_
