#ifndef FLOTILLA_TESTS_STORE_LAST_CALL_PD_H_
#define FLOTILLA_TESTS_STORE_LAST_CALL_PD_H_

#include <memory>
#include <string_view>
#include <utility>

#include "tests/store/fake_pd.h"

namespace flotilla::store {

// A PD at whose n-th call the process dies: before PD has heard of it, or before the answer comes.
class LastCallPd final : public FakePd {
 public:
  void DieAt(int call, bool heard) {
    calls_left_ = call;
    heard_ = heard;
  }
  bool is_dead() const { return calls_left_ == 0; }

 protected:
  void Call(std::string_view method, std::unique_ptr<Message> request,
            std::unique_ptr<Message> response,
            absl::AnyInvocable<void(absl::Status, std::unique_ptr<Message>) &&> done) override {
    const bool dies = is_dead() || --calls_left_ == 0;
    if (!dies) {
      return FakePd::Call(method, std::move(request), std::move(response), std::move(done));
    }
    auto end = [done = std::move(done)](absl::Status, std::unique_ptr<Message> answer) mutable {
      std::move(done)(absl::AbortedError("the process is dead"), std::move(answer));
    };
    if (heard_) {
      FakePd::Call(method, std::move(request), std::move(response), std::move(end));
    } else {
      end(absl::OkStatus(), std::move(response));
    }
    heard_ = false;  // After its death it says nothing.
  }

 private:
  int calls_left_ = -1;
  bool heard_ = false;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_TESTS_STORE_LAST_CALL_PD_H_
