// The stage that does long reads: scans, checksums, large batches. Those that wait are served in
// the order of their deadlines; one whose deadline has passed is not served at all,
// nor is any while the answers that wait to be sent take too much memory.
//
// Thread: its own. Run is thread-safe.
#ifndef FLOTILLA_STORE_KV_READ_STAGE_H_
#define FLOTILLA_STORE_KV_READ_STAGE_H_

#include <atomic>
#include <cstddef>
#include <map>
#include <string_view>
#include <vector>

#include "common/env/clock.h"
#include "common/env/inbox.h"
#include "common/env/stage.h"
#include "common/rpc/in_flight.h"
#include "store/kv/replicator.h"

namespace flotilla::store {

class ReadStage final : public env::Stage, public ReadExecutor {
 public:
  // Reads that may wait; more are refused with ServerIsBusy.
  static constexpr size_t kMaxWaiting = 4096;

  // Both must outlive the stage.
  ReadStage(const env::Clock* clock, const rpc::InFlight* in_flight)
      : clock_(clock), in_flight_(in_flight), inbox_(0) {}
  // What still waits hears Unavailable.
  ~ReadStage() override;

  void SetWaker(env::Waker* waker) { inbox_.SetWaker(waker); }

  void Run(env::Instant deadline, Work work) override;

  std::string_view name() const override { return "read"; }
  // Serves one read.
  bool RunOnce() override;

 private:
  struct Waiting {
    env::Instant deadline;
    Work work;
  };

  void TakeInbox();

  const env::Clock* const clock_;
  const rpc::InFlight* const in_flight_;
  // In the inbox and in the queue.
  std::atomic<size_t> waiting_{0};
  env::Inbox<Waiting> inbox_;
  std::vector<Waiting> taken_;
  std::multimap<env::Instant, Work> queue_;  // Of one deadline, in the order in which they came.
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_KV_READ_STAGE_H_
