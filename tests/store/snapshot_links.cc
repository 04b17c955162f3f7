#include "tests/store/snapshot_links.h"

#include <deque>
#include <utility>

namespace flotilla::store {

class SnapshotLinks::Link final : public OutgoingSnapshot,
                                  public IncomingSnapshotControl,
                                  public std::enable_shared_from_this<Link> {
 public:
  Link(const testing::FaultNetwork* network, StoreId from, StoreId to,
       std::shared_ptr<OutgoingSnapshotHandler> handler)
      : network_(network), from_(from), to_(to), handler_(std::move(handler)) {}

  void SetIncoming(std::shared_ptr<IncomingSnapshot> incoming) { incoming_ = std::move(incoming); }

  void Send(SnapshotMessage message) override {
    if (!network_->Connects(from_, to_)) return Close(absl::UnavailableError("the network is cut"));
    waiting_.push_back(std::move(message));
    Pump();
  }
  void Wake() override { Pump(); }
  void Cancel() override { Close(absl::CancelledError("the sender gave up")); }
  void Answer(const absl::Status& status) override {
    const bool heard = network_->Connects(to_, from_);
    Close(heard ? status : absl::UnavailableError("the answer was lost"));
  }
  void Break(StoreId store) {
    if (store == from_) handler_ = nullptr;
    if (store == to_) incoming_ = nullptr;
    if (store == from_ || store == to_) Close(absl::UnavailableError("the store went away"));
  }

 private:
  void Pump() {
    const auto self = shared_from_this();
    while (incoming_ != nullptr && !waiting_.empty() && incoming_->HasRoom()) {
      SnapshotMessage message = std::move(waiting_.front());
      waiting_.pop_front();
      incoming_->OnMessage(std::move(message));
      if (handler_ != nullptr) handler_->OnSent();
    }
  }
  void Close(const absl::Status& status) {
    const auto self = shared_from_this();
    const auto incoming = std::exchange(incoming_, nullptr);
    const auto handler = std::exchange(handler_, nullptr);
    if (incoming != nullptr) incoming->OnClosed();
    if (handler != nullptr) handler->OnClosed(status);
  }

  const testing::FaultNetwork* const network_;
  const StoreId from_;
  const StoreId to_;
  std::shared_ptr<OutgoingSnapshotHandler> handler_;
  std::shared_ptr<IncomingSnapshot> incoming_;
  std::deque<SnapshotMessage> waiting_;
};

class SnapshotLinks::Connector final : public SnapshotConnector {
 public:
  Connector(SnapshotLinks* links, StoreId from) : links_(links), from_(from) {}

  std::shared_ptr<OutgoingSnapshot> Open(
      StoreId to, std::shared_ptr<OutgoingSnapshotHandler> handler) override {
    auto link = std::make_shared<Link>(links_->network_, from_, to, std::move(handler));
    SnapshotService* receiver = links_->receivers_(to);
    if (receiver == nullptr || !links_->network_->Connects(from_, to)) {
      link->Answer(absl::UnavailableError("the store is not reachable"));
      return link;
    }
    link->SetIncoming(receiver->Accept(link));
    links_->links_.push_back(link);
    return link;
  }

 private:
  SnapshotLinks* const links_;
  const StoreId from_;
};

SnapshotLinks::SnapshotLinks(const testing::FaultNetwork* network, Receivers receivers)
    : network_(network), receivers_(std::move(receivers)) {}

SnapshotLinks::~SnapshotLinks() = default;

SnapshotConnector* SnapshotLinks::ConnectorOf(StoreId from) {
  auto& connector = connectors_[from];
  if (connector == nullptr) connector = std::make_unique<Connector>(this, from);
  return connector.get();
}

void SnapshotLinks::Break(StoreId store) {
  std::erase_if(links_, [](const auto& link) { return link.expired(); });
  for (const std::weak_ptr<Link>& weak : std::vector(links_)) {
    if (const auto link = weak.lock()) link->Break(store);
  }
}

}  // namespace flotilla::store
