#include "common/rpc/raft_receiver.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/bytes.h"
#include "common/base/log.h"
#include "common/rpc/raft_codec.h"
#include "flotilla/raft.pb.h"

namespace flotilla::rpc {
namespace {

// One stream from another store.
class Exchange final
    : public TypedStreamHandler<raft::v1::CheckedBatch, raft::v1::ExchangeResponse> {
 public:
  Exchange(const RaftReceiver* receiver, std::shared_ptr<StreamControl> control)
      : receiver_(receiver), control_(std::move(control)) {}

  // Raft repeats what gets lost.
  bool EndsOnlyWhenQuiet() const override { return false; }
  void OnClosed(const absl::Status& /*status*/) override {}

 protected:
  void OnMessage(raft::v1::CheckedBatch* batch) override {
    const absl::Status status = receiver_->Deliver(*batch);
    if (status.ok()) {
      owes_answer_ |= batch->acknowledge();
      return;
    }
    LOG_WARN("raft stream from {} is refused: {}", control_->peer(), status.ToString());
    control_->Close(status);
  }
  bool Fill(raft::v1::ExchangeResponse* /*response*/) override {
    return std::exchange(owes_answer_, false);
  }

 private:
  const RaftReceiver* const receiver_;
  const std::shared_ptr<StreamControl> control_;
  bool owes_answer_ = false;
};

}  // namespace

RaftReceiver::RaftReceiver(StoreId store_id, ClusterId cluster_id, net::MessageHandler handler,
                           metrics::Registry* registry)
    : store_id_(store_id),
      cluster_id_(cluster_id),
      handler_(std::move(handler)),
      received_(registry->AddCounter("flotilla_raft_messages_received_total",
                                     "Raft messages taken off the network")),
      malformed_(registry->AddCounter("flotilla_raft_messages_malformed_total",
                                      "Raft messages that could not be decoded")),
      damaged_(registry->AddCounter("flotilla_raft_batches_damaged_total",
                                    "Batches whose checksum did not match")),
      misdirected_(registry->AddCounter("flotilla_raft_batches_misdirected_total",
                                        "Batches for another store or from another cluster")) {}

StreamAcceptor RaftReceiver::acceptor() {
  return [this](std::shared_ptr<StreamControl> control) {
    return std::make_shared<Exchange>(this, std::move(control));
  };
}

absl::Status RaftReceiver::Deliver(const raft::v1::CheckedBatch& sealed) const {
  raft::v1::EnvelopeBatch batch;
  if (absl::Status opened = OpenBatch(sealed, &batch); !opened.ok()) {
    damaged_.Increment();
    return opened;
  }
  if (batch.to_store() != store_id_.value()) {
    misdirected_.Increment();
    return absl::FailedPreconditionError(ToAbsl(
        fmt::format("the batch is for store {}, this is store {}", batch.to_store(), store_id_)));
  }
  if (batch.cluster_id() != 0 && cluster_id_ != ClusterId(0) &&
      batch.cluster_id() != cluster_id_.value()) {
    misdirected_.Increment();
    return absl::FailedPreconditionError(ToAbsl(fmt::format(
        "the batch is from cluster {}, this is cluster {}", batch.cluster_id(), cluster_id_)));
  }
  received_.Increment(batch.envelopes_size());
  for (raft::v1::Envelope& wire : *batch.mutable_envelopes()) {
    absl::StatusOr<net::Envelope> envelope =
        DecodeEnvelope(&wire, StoreId(batch.from_store()), store_id_);
    if (!envelope.ok()) {
      malformed_.Increment();
      LOG_WARN("raft message from store {} is dropped: {}", batch.from_store(),
               envelope.status().ToString());
      continue;
    }
    handler_(*std::move(envelope));
  }
  return absl::OkStatus();
}

}  // namespace flotilla::rpc
