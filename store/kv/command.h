// What is inside a log entry: the commands that regions replicate, in a compact binary form of our
// own. One byte of kind, the region version that the proposer saw (varint), and the body of the
// kind.
//
// Keys and values are in the engine's form already (key_codec.h, value_format.h), so that applying
// a write is copying it into the batch. The format is in the log of every replica: kinds and
// operations keep their numbers for ever.
#ifndef FLOTILLA_STORE_KV_COMMAND_H_
#define FLOTILLA_STORE_KV_COMMAND_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/key_range.h"
#include "common/engine/kv_engine.h"
#include "store/kv/key_codec.h"

namespace flotilla::store {

enum class CommandKind : uint8_t {
  kWrite = 1,
  kCompareAndSwap = 2,
  kSplit = 3,
  kComputeHash = 4,
};

struct CommandHeader {
  CommandKind kind = CommandKind::kWrite;
  // The command is refused by every replica when the region is at another version.
  uint64_t version = 0;
};

void PutCommandHeader(std::string& out, CommandHeader header);
// Takes the header from the front of `command`. DataLoss when malformed.
absl::StatusOr<CommandHeader> TakeCommandHeader(std::string_view& command);

enum class WriteKind : uint8_t { kPut = 1, kDelete = 2, kDeleteRange = 3 };

// Builds a kWrite. Views that it returns live until the next call.
class WriteCommand {
 public:
  // `expected_bytes`: of the operations to come.
  WriteCommand(uint64_t version, size_t expected_bytes);

  // Each returns the engine key that it wrote.
  std::string_view Put(const KeyCodec& codec, std::string_view key, std::string_view value,
                       uint64_t expire_at_ms);
  std::string_view Delete(const KeyCodec& codec, std::string_view key);
  // REQUIRES: the engine range is not empty.
  void DeleteRange(const KeyRange& engine_range);

  size_t ByteSize() const { return command_.size(); }
  std::string Take() && { return std::move(command_); }

 private:
  std::string_view PutKey(WriteKind kind, const KeyCodec& codec, std::string_view key);

  std::string command_;
};

// One operation of a kWrite, pointing into the command.
struct WriteOperation {
  WriteKind kind = WriteKind::kPut;
  engine::ColumnFamily cf = engine::ColumnFamily::kDefault;
  std::string_view key;    // kDeleteRange: its start.
  std::string_view value;  // kDeleteRange: its end.
};

// Takes the next operation from the front of a kWrite's body. REQUIRES: not empty.
absl::StatusOr<WriteOperation> TakeWriteOperation(std::string_view& body);

struct CompareAndSwap {
  std::string_view key;       // In the engine's form.
  std::string_view expected;  // The user's value.
  bool expect_absent = false;
  bool remove = false;           // Otherwise `replacement` is written.
  std::string_view replacement;  // In the stored form.
  // The proposer's wall clock, by which an expired value counts as absent on every replica.
  uint64_t now_ms = 0;
};

std::string EncodeCompareAndSwap(uint64_t version, const CompareAndSwap& command);
absl::StatusOr<CompareAndSwap> DecodeCompareAndSwap(std::string_view body);

// What a compare-and-swap found: CommandResult::payload.
struct CompareAndSwapOutcome {
  bool swapped = false;
  bool existed = false;
  std::string_view previous;
};
std::string EncodeOutcome(const CompareAndSwapOutcome& outcome);
absl::StatusOr<CompareAndSwapOutcome> DecodeOutcome(std::string_view payload);

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_KV_COMMAND_H_
