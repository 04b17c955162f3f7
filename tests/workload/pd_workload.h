// What clients ask of PD: timestamps, which grow from one answer to the next question whoever
// leads, and ids, which are given out once.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_WORKLOAD_PD_WORKLOAD_H_
#define FLOTILLA_TESTS_WORKLOAD_PD_WORKLOAD_H_

#include <set>

#include "tests/workload/workload.h"

namespace flotilla::testing {

class PdWorkload final : public Workload {
 public:
  explicit PdWorkload(const WorkloadContext& context) : on_(context) {}

  std::string_view name() const override { return "pd"; }
  void Begin(const Caller& caller, OperationDone done) override;
  void BeginLastReads(const Caller& caller, OperationDone done) override;

 private:
  void GetTimestamps(const Caller& caller, OperationDone done);
  void AllocateIds(const Caller& caller, OperationDone done);

  const WorkloadContext on_;
  pdclient::Timestamp newest_ = 0;
  std::set<pdclient::Timestamp> timestamps_;
  std::set<uint64_t> ids_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_WORKLOAD_PD_WORKLOAD_H_
