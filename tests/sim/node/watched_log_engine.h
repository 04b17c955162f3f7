// A store's log engine whose writes are told to the history of all logs, and whose damage stops the
// process that reads it, as production's does.
#ifndef FLOTILLA_TESTS_SIM_NODE_WATCHED_LOG_ENGINE_H_
#define FLOTILLA_TESTS_SIM_NODE_WATCHED_LOG_ENGINE_H_

#include <map>
#include <utility>
#include <vector>

#include "common/env/fail_stop.h"
#include "tests/sim/check/raft_log_history.h"

namespace flotilla::sim {

class WatchedLogEngine final : public raftlog::LogEngine {
 public:
  // All must outlive this.
  WatchedLogEngine(StoreId store, raftlog::LogEngine* log, RaftLogHistory* history,
                   env::FailStop* fail_stop)
      : store_(store), log_(log), history_(history), fail_stop_(fail_stop) {}

  absl::Status Write(const raftlog::LogBatch& batch) override {
    absl::Status status = log_->Write(batch);
    if (status.ok()) history_->OnWritten(store_, batch, *log_);
    return status;
  }
  absl::StatusOr<std::map<RegionId, raftlog::GroupState>> LoadAll() const override {
    return Checked(log_->LoadAll());
  }
  absl::StatusOr<raftlog::GroupState> Load(RegionId region_id) const override {
    return Checked(log_->Load(region_id));
  }
  absl::StatusOr<std::vector<raft::Entry>> Entries(RegionId region_id, Index low, Index high,
                                                   uint64_t max_bytes) const override {
    return Checked(log_->Entries(region_id, low, high, max_bytes));
  }
  absl::StatusOr<Term> TermAt(RegionId region_id, Index index) const override {
    return Checked(log_->TermAt(region_id, index));
  }
  void SetFlushPreparation(raftlog::FlushPreparation preparation) override {
    log_->SetFlushPreparation(std::move(preparation));
  }
  uint64_t ApproximateBytes() const override { return log_->ApproximateBytes(); }
  uint64_t DurablePosition() const override { return log_->DurablePosition(); }

 private:
  template <typename T>
  absl::StatusOr<T> Checked(absl::StatusOr<T> result) const {
    if (absl::IsDataLoss(result.status())) fail_stop_->OnDiskFailure(result.status());
    return result;
  }

  const StoreId store_;
  raftlog::LogEngine* const log_;
  RaftLogHistory* const history_;
  env::FailStop* const fail_stop_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_NODE_WATCHED_LOG_ENGINE_H_
