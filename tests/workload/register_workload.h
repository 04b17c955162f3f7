// Keys that many clients write, swap, read, scan and delete, singly, in batches and in ranges; each
// must be linearizable.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_WORKLOAD_REGISTER_WORKLOAD_H_
#define FLOTILLA_TESTS_WORKLOAD_REGISTER_WORKLOAD_H_

#include "tests/workload/workload.h"

namespace flotilla::testing {

class RegisterWorkload final : public Workload {
 public:
  explicit RegisterWorkload(const WorkloadContext& context) : on_(context) {}

  std::string_view name() const override { return "registers"; }
  void Begin(const Caller& caller, OperationDone done) override;
  void BeginLastReads(const Caller& caller, OperationDone done) override;
  void Check() override { history_.Check(on_.violations); }
  // All that happened, an operation a line.
  std::string Describe() const { return history_.Describe(); }

 private:
  using Handles = std::vector<RegisterHistory::Handle>;

  std::string KeyOf(uint64_t number) const;
  std::string AnyKey(const Caller& caller) const;
  // From one key to another one behind it.
  client::Range AnyRange(const Caller& caller) const;
  std::vector<std::string> AnyKeys(const Caller& caller) const;
  std::string NewValue();
  Handles BeginReads(const Caller& caller, const client::Range& range);
  // What a read that ended well found of these keys.
  void EndReads(const Handles& handles, const client::RawClient::Pairs& pairs);

  void Get(const Caller& caller, OperationDone done);
  void Put(const Caller& caller, OperationDone done);
  void Delete(const Caller& caller, OperationDone done);
  void Swap(const Caller& caller, OperationDone done);
  void BatchGet(const Caller& caller, OperationDone done);
  void BatchPut(const Caller& caller, OperationDone done);
  void BatchDelete(const Caller& caller, OperationDone done);
  void Scan(const Caller& caller, const client::Range& range, OperationDone done);
  void DeleteRange(const Caller& caller, OperationDone done);
  // Of the keys of one request, which may have come about in part.
  void EndWrites(const Handles& handles, const absl::Status& status, Tally& tally);

  const WorkloadContext on_;
  RegisterHistory history_;
  // What was seen or tried last, for swaps that may succeed.
  std::map<std::string, RegisterHistory::Value> last_;
  uint64_t values_ = 0;
};

}  // namespace flotilla::testing

#endif  // FLOTILLA_TESTS_WORKLOAD_REGISTER_WORKLOAD_H_
