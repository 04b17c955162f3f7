// One parser or state machine that gets bytes from outside, and everything that may be done with
// them. libFuzzer runs it (tests/fuzz/run) and so does fuzz_corpus_test, over what was kept.
#ifndef FLOTILLA_TESTS_FUZZ_FUZZ_TARGET_H_
#define FLOTILLA_TESTS_FUZZ_FUZZ_TARGET_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace flotilla::fuzz {

class FuzzTarget {
 public:
  virtual ~FuzzTarget() = default;
  // Any input is legal. What must hold is CHECKed. Leaves no trace for the next input.
  virtual void Run(std::string_view input) = 0;
  // Inputs that reach deep: what real peers, stores, clients and files say.
  virtual std::vector<std::string> Seeds() const = 0;
};

std::unique_ptr<FuzzTarget> MakeRaftMessageTarget();
std::unique_ptr<FuzzTarget> MakeRaftNodeTarget();
std::unique_ptr<FuzzTarget> MakeLogRecordTarget();
std::unique_ptr<FuzzTarget> MakeStoreRecordTarget();
std::unique_ptr<FuzzTarget> MakeKeyCodecTarget();
std::unique_ptr<FuzzTarget> MakeSnapshotStreamTarget();
std::unique_ptr<FuzzTarget> MakeKvRequestTarget();
std::unique_ptr<FuzzTarget> MakePdRequestTarget();
std::unique_ptr<FuzzTarget> MakeConfigTarget();
std::unique_ptr<FuzzTarget> MakeHttpTarget();
std::unique_ptr<FuzzTarget> MakeCliTextTarget();

struct NamedTarget {
  std::string_view name;
  std::unique_ptr<FuzzTarget> (*make)();
};

// The name is that of the corpus' directory and of the source, NAME_fuzz.cc.
inline constexpr NamedTarget kTargets[] = {
    {"raft_message", MakeRaftMessageTarget},
    {"raft_node", MakeRaftNodeTarget},
    {"log_record", MakeLogRecordTarget},
    {"store_record", MakeStoreRecordTarget},
    {"key_codec", MakeKeyCodecTarget},
    {"snapshot_stream", MakeSnapshotStreamTarget},
    {"kv_request", MakeKvRequestTarget},
    {"pd_request", MakePdRequestTarget},
    {"config", MakeConfigTarget},
    {"http", MakeHttpTarget},
    {"cli_text", MakeCliTextTarget},
};

}  // namespace flotilla::fuzz

#endif  // FLOTILLA_TESTS_FUZZ_FUZZ_TARGET_H_
