// Keys that go away by themselves. Each is written once; until its time is over it is there, and
// some time after it is not. What the wall clocks of stores may be wrong by is allowed for.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_WORKLOAD_TTL_WORKLOAD_H_
#define FLOTILLA_TESTS_WORKLOAD_TTL_WORKLOAD_H_

#include "tests/workload/workload.h"

namespace flotilla::testing {

class TtlWorkload final : public Workload {
 public:
  explicit TtlWorkload(const WorkloadContext& context) : on_(context) {}

  std::string_view name() const override { return "ttl"; }
  void Begin(const Caller& caller, OperationDone done) override;
  void BeginLastReads(const Caller& caller, OperationDone done) override;

 private:
  struct Written {
    std::string key;
    RegisterHistory::Outcome outcome = RegisterHistory::Outcome::kUnderWay;
    env::Duration ttl{};
    env::Instant begin;
    env::Instant end;
  };

  void Write(const Caller& caller, OperationDone done);
  void Read(const Caller& caller, size_t number, OperationDone done);
  void OnRead(const Written& written, env::Instant begin, bool was_acknowledged, bool found);

  const WorkloadContext on_;
  std::vector<Written> written_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_WORKLOAD_TTL_WORKLOAD_H_
