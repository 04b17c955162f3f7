// The gRPC health service: what Check and Watch answer for this server. Thread-safe.
#ifndef FLOTILLA_COMMON_RPC_HEALTH_H_
#define FLOTILLA_COMMON_RPC_HEALTH_H_

#include <memory>
#include <set>
#include <string>

#include "common/base/mutex.h"
#include "common/rpc/done.h"
#include "common/rpc/stream.h"

namespace grpc::health::v1 {
class HealthCheckRequest;
class HealthCheckResponse;
}  // namespace grpc::health::v1

namespace flotilla::rpc {

class HealthService {
 public:
  // A service of this server; "" stands for all. All have the same status.
  void AddService(std::string service);
  void SetServing(bool serving);

  // NotFound for a service that was not added.
  void Check(const grpc::health::v1::HealthCheckRequest& request,
             grpc::health::v1::HealthCheckResponse* response, Done done);
  // A stream that tells the status now and whenever it changes.
  std::shared_ptr<StreamHandler> Watch(std::shared_ptr<StreamControl> control);

  bool IsServing() const;
  bool HasService(const std::string& service) const;

 private:
  class Watcher;
  void Forget(Watcher* watcher);

  mutable Mutex mutex_;
  bool serving_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<std::string> services_ ABSL_GUARDED_BY(mutex_) = {""};
  std::set<Watcher*> watchers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_HEALTH_H_
