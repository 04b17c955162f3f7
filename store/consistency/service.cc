#include "store/consistency/service.h"

#include <utility>

#include "store/region/message_context.h"

namespace flotilla::store {

ConsistencyService::ConsistencyService(const ConsistencyOptions& options, const Dependencies& on,
                                       env::Random random, Send send)
    : store_id_(on.checker.store_id),
      send_(std::move(send)),
      checker_(options, on.checker, random,
               [pd = on.pd](const Comparison& comparison, ConsistencyChecker::Published done) {
                 pd->ReportCheck(ToProto(comparison), std::move(done));
               }),
      hasher_(on.engine, on.checker.clock, on.checker.metrics, options.bytes_per_second,
              [this](const HashTask& task, const HashReport& report) { Answer(task, report); }),
      api_(on.cluster_id, &checker_, on.checker.clock) {}

void ConsistencyService::AddStages(env::Scheduler& scheduler) {
  hasher_.SetWaker(scheduler.Add(&hasher_));
  checker_.SetWaker(scheduler.Add(&checker_));
}

void ConsistencyService::Bind(rpc::MethodBinder& binder) {
  binder.Bind("flotilla.repair.v1.Consistency/CheckRegion", &CheckApi::CheckRegion, &api_);
}

void ConsistencyService::Answer(const HashTask& task, const HashReport& report) {
  if (task.command.reply_to == store_id_) {
    checker_.OnOwnReport(task, report);
    return;
  }
  net::Envelope answer;
  answer.region_id = task.self.region_id;
  answer.from_store = store_id_;
  answer.to_store = task.command.reply_to;
  answer.epoch = task.region.epoch();
  answer.context = EncodeContext(report);
  answer.message.from = task.self.peer_id;
  const metapb::Peer* asker = task.region.FindPeerOn(task.command.reply_to);
  if (asker == nullptr) return;
  answer.message.to = PeerId(asker->id());
  // Not looked at.
  answer.message.body = raft::HeartbeatResponse{};
  send_(std::move(answer));
}

}  // namespace flotilla::store
