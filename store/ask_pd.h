// Questions to PD that a store's start cannot go on without: asked again until PD answers.
//
// Blocks; for main, before any stage runs.
#ifndef FLOTILLA_STORE_ASK_PD_H_
#define FLOTILLA_STORE_ASK_PD_H_

#include <chrono>
#include <string_view>
#include <type_traits>

#include "absl/status/status.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/pdclient/waiter.h"

namespace flotilla::store {

inline constexpr env::Duration kPauseBetweenQuestions = std::chrono::milliseconds(200);

// Nobody wakes it.
inline void PauseBetweenQuestions() {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  never.WaitFor(mutex, kPauseBetweenQuestions);
}

// `call` takes a callback for a Result, which is a Status or a StatusOr. Errors that PD itself
// gives are answers.
template <typename Result, typename Call>
Result AskUntilAnswered(std::string_view what, Call call) {
  constexpr int kAttemptsPerLogLine = 25;
  for (int attempt = 1;; ++attempt) {
    pdclient::ResultWaiter<Result> waiter;
    call(waiter.callback());
    Result result = waiter.Wait();
    const absl::Status* status;
    if constexpr (std::is_same_v<Result, absl::Status>) {
      status = &result;
    } else {
      status = &result.status();
    }
    if (!absl::IsUnavailable(*status) && !absl::IsDeadlineExceeded(*status)) return result;
    if (attempt % kAttemptsPerLogLine == 1) {
      LOG_WARN("{}: PD does not answer (attempt {}): {}", what, attempt, status->ToString());
    }
    PauseBetweenQuestions();
  }
}

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_ASK_PD_H_
