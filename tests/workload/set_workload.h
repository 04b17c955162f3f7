// A set to which elements are only added. In the end each that was acknowledged is there, and none
// that nobody added or that was refused for good.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_WORKLOAD_SET_WORKLOAD_H_
#define FLOTILLA_TESTS_WORKLOAD_SET_WORKLOAD_H_

#include "tests/workload/workload.h"

namespace flotilla::testing {

class SetWorkload final : public Workload {
 public:
  explicit SetWorkload(const WorkloadContext& context) : on_(context) {}

  std::string_view name() const override { return "sets"; }
  void Begin(const Caller& caller, OperationDone done) override;
  void BeginLastReads(const Caller& caller, OperationDone done) override;

 private:
  using Outcome = RegisterHistory::Outcome;

  std::string KeyOf(uint64_t element) const;
  void OnFound(const client::RawClient::Pairs& found);

  const WorkloadContext on_;
  // By element.
  std::vector<Outcome> added_;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_WORKLOAD_SET_WORKLOAD_H_
