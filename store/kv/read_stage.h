// The stage that does long reads: scans, checksums, large batches.
//
// Thread: its own. Run is thread-safe.
#ifndef FLOTILLA_STORE_KV_READ_STAGE_H_
#define FLOTILLA_STORE_KV_READ_STAGE_H_

#include <string_view>
#include <utility>
#include <vector>

#include "common/env/inbox.h"
#include "common/env/stage.h"
#include "common/errors/region_error.h"
#include "store/kv/replicator.h"

namespace flotilla::store {

class ReadStage final : public env::Stage, public ReadExecutor {
 public:
  // Reads that may wait; more are refused with ServerIsBusy.
  static constexpr size_t kMaxWaiting = 4096;

  ReadStage() : inbox_(kMaxWaiting) {}
  // What still waits hears Unavailable.
  ~ReadStage() override {
    inbox_.TakeAll(taken_);
    for (Work& work : taken_) {
      if (work) std::move(work)(absl::UnavailableError("the store is stopping"));
    }
  }

  void SetWaker(env::Waker* waker) { inbox_.SetWaker(waker); }

  void Run(Work work) override {
    if (inbox_.TryPush(std::move(work))) return;
    std::move(work)(errors::ServerIsBusy("too many long reads wait", kBackoffMs));
  }

  std::string_view name() const override { return "read"; }
  bool RunOnce() override {
    inbox_.TakeAll(taken_);
    for (Work& work : taken_) std::move(work)(absl::OkStatus());
    taken_.clear();
    return false;
  }

 private:
  static constexpr uint64_t kBackoffMs = 50;

  env::Inbox<Work> inbox_;
  std::vector<Work> taken_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_KV_READ_STAGE_H_
