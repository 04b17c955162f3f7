#include "common/rpc/health.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "common/base/bytes.h"
#include "grpc/health.pb.h"

namespace flotilla::rpc {

namespace wire = grpc::health::v1;

// One client that watches. Loop thread, but for Wake.
class HealthService::Watcher final
    : public TypedStreamHandler<wire::HealthCheckRequest, wire::HealthCheckResponse> {
 public:
  Watcher(HealthService* service, std::shared_ptr<StreamControl> control)
      : service_(service), control_(std::move(control)) {}

  void Wake() { control_->Wake(); }

  // The client sends its one request and says that it has no more: that does not end the watch.
  bool HasOutstanding() override { return true; }
  bool EndsOnlyWhenQuiet() const override { return false; }

  void OnClosed(const absl::Status& /*status*/) override { service_->Forget(this); }

 protected:
  void OnMessage(wire::HealthCheckRequest* request) override { watched_ = request->service(); }

  bool Fill(wire::HealthCheckResponse* response) override {
    if (!watched_.has_value()) return false;
    const auto status = !service_->HasService(*watched_)
                            ? wire::HealthCheckResponse::SERVICE_UNKNOWN
                        : service_->IsServing() ? wire::HealthCheckResponse::SERVING
                                                : wire::HealthCheckResponse::NOT_SERVING;
    if (told_ == status) return false;
    told_ = status;
    response->set_status(status);
    return true;
  }

 private:
  HealthService* const service_;
  const std::shared_ptr<StreamControl> control_;
  std::optional<std::string> watched_;
  std::optional<wire::HealthCheckResponse::ServingStatus> told_;
};

void HealthService::AddService(std::string service) {
  MutexLock lock(mutex_);
  services_.insert(std::move(service));
}

void HealthService::SetServing(bool serving) {
  MutexLock lock(mutex_);
  serving_ = serving;
  for (Watcher* watcher : watchers_) watcher->Wake();
}

void HealthService::Check(const wire::HealthCheckRequest& request,
                          wire::HealthCheckResponse* response, Done done) {
  if (!HasService(request.service())) {
    std::move(done)(absl::NotFoundError(
        ToAbsl(fmt::format("no service {} on this server", request.service()))));
    return;
  }
  response->set_status(IsServing() ? wire::HealthCheckResponse::SERVING
                                   : wire::HealthCheckResponse::NOT_SERVING);
  std::move(done)(absl::OkStatus());
}

std::shared_ptr<StreamHandler> HealthService::Watch(std::shared_ptr<StreamControl> control) {
  auto watcher = std::make_shared<Watcher>(this, std::move(control));
  MutexLock lock(mutex_);
  watchers_.insert(watcher.get());
  return watcher;
}

bool HealthService::IsServing() const {
  MutexLock lock(mutex_);
  return serving_;
}

bool HealthService::HasService(const std::string& service) const {
  MutexLock lock(mutex_);
  return services_.count(service) > 0;
}

void HealthService::Forget(Watcher* watcher) {
  MutexLock lock(mutex_);
  watchers_.erase(watcher);
}

}  // namespace flotilla::rpc
