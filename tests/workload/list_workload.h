// Lists to which clients append by compare-and-swap. Whatever anybody reads of a list is a
// beginning of what is read of it later: nothing acknowledged is lost, nothing comes twice, and no
// order changes.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_WORKLOAD_LIST_WORKLOAD_H_
#define FLOTILLA_TESTS_WORKLOAD_LIST_WORKLOAD_H_

#include "tests/workload/workload.h"

namespace flotilla::testing {

class ListWorkload final : public Workload {
 public:
  explicit ListWorkload(const WorkloadContext& context) : on_(context) {}

  std::string_view name() const override { return "lists"; }
  void Begin(const Caller& caller, OperationDone done) override;
  void BeginLastReads(const Caller& caller, OperationDone done) override;

 private:
  struct List {
    // The longest that was read or acknowledged: every other one is a beginning of it.
    std::string longest;
  };

  std::string KeyOf(uint64_t number) const;
  void Read(const Caller& caller, const std::string& key, OperationDone done);
  void Append(const Caller& caller, const std::string& key, OperationDone done);
  // `found` was read by an operation that began when the list was `floor` long.
  void OnFound(const std::string& key, size_t floor, const std::string& found);

  const WorkloadContext on_;
  std::map<std::string, List> lists_;
  uint64_t elements_ = 0;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_WORKLOAD_LIST_WORKLOAD_H_
