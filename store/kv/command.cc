#include "store/kv/command.h"

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/coding.h"
#include "store/kv/value_format.h"

namespace flotilla::store {
namespace {

// An operation's first byte: the column family above, the kind below.
constexpr int kFamilyShift = 4;
constexpr uint8_t kKindMask = 0x0F;

constexpr uint8_t kExpectAbsent = 1;
constexpr uint8_t kRemove = 2;
constexpr uint8_t kSwapped = 1;
constexpr uint8_t kExisted = 2;

// Header, one operation byte and the lengths of a key and a value.
constexpr size_t kFramingBytes = 32;

bool TakeByte(std::string_view& in, uint8_t& byte) {
  if (in.empty()) return false;
  byte = static_cast<uint8_t>(in.front());
  in.remove_prefix(1);
  return true;
}

absl::Status Malformed(std::string_view what) {
  return absl::DataLossError(absl::StrCat("malformed command: ", ToAbsl(what)));
}

}  // namespace

void PutCommandHeader(std::string& out, CommandHeader header) {
  out.push_back(static_cast<char>(header.kind));
  PutVarint64(out, header.version);
}

absl::StatusOr<CommandHeader> TakeCommandHeader(std::string_view& command) {
  uint8_t kind = 0;
  CommandHeader header;
  if (!TakeByte(command, kind) || !GetVarint64(command, header.version)) return Malformed("header");
  if (kind < static_cast<uint8_t>(CommandKind::kWrite) ||
      kind > static_cast<uint8_t>(CommandKind::kComputeHash)) {
    return Malformed("unknown kind");
  }
  header.kind = static_cast<CommandKind>(kind);
  return header;
}

WriteCommand::WriteCommand(uint64_t version, size_t expected_bytes) {
  command_.reserve(expected_bytes + kFramingBytes);
  PutCommandHeader(command_, {CommandKind::kWrite, version});
}

std::string_view WriteCommand::PutKey(WriteKind kind, const KeyCodec& codec, std::string_view key) {
  command_.push_back(static_cast<char>(kind));  // The default column family is 0.
  const size_t size = codec.EncodedSize(key);
  PutVarint64(command_, size);
  codec.Encode(key, command_);
  return std::string_view(command_).substr(command_.size() - size);
}

std::string_view WriteCommand::Put(const KeyCodec& codec, std::string_view key,
                                   std::string_view value, uint64_t expire_at_ms) {
  const size_t key_size = PutKey(WriteKind::kPut, codec, key).size();
  const size_t key_end = command_.size();
  PutVarint64(command_, StoredValueSize(value, expire_at_ms));
  AppendStoredValue(value, expire_at_ms, command_);
  return std::string_view(command_).substr(key_end - key_size, key_size);
}

std::string_view WriteCommand::Delete(const KeyCodec& codec, std::string_view key) {
  return PutKey(WriteKind::kDelete, codec, key);
}

void WriteCommand::DeleteRange(const KeyRange& engine_range) {
  CHECK(!engine_range.IsEmpty());
  command_.push_back(static_cast<char>(WriteKind::kDeleteRange));
  PutLengthPrefixed(command_, engine_range.start);
  PutLengthPrefixed(command_, engine_range.end);
}

absl::StatusOr<WriteOperation> TakeWriteOperation(std::string_view& body) {
  uint8_t first = 0;
  WriteOperation operation;
  if (!TakeByte(body, first) || !GetLengthPrefixed(body, operation.key)) {
    return Malformed("operation");
  }
  const int family = first >> kFamilyShift;
  const uint8_t kind = first & kKindMask;
  if (family >= engine::kColumnFamilyCount || kind < static_cast<uint8_t>(WriteKind::kPut) ||
      kind > static_cast<uint8_t>(WriteKind::kDeleteRange)) {
    return Malformed("unknown operation");
  }
  operation.cf = static_cast<engine::ColumnFamily>(family);
  operation.kind = static_cast<WriteKind>(kind);
  if (operation.kind != WriteKind::kDelete && !GetLengthPrefixed(body, operation.value)) {
    return Malformed("operation without its second part");
  }
  if (operation.kind == WriteKind::kDeleteRange &&
      KeyRange{std::string(operation.key), std::string(operation.value)}.IsEmpty()) {
    return Malformed("deletion of an empty range");
  }
  return operation;
}

std::string EncodeCompareAndSwap(uint64_t version, const CompareAndSwap& command) {
  std::string out;
  out.reserve(command.key.size() + command.expected.size() + command.replacement.size() +
              kFramingBytes);
  PutCommandHeader(out, {CommandKind::kCompareAndSwap, version});
  out.push_back(static_cast<char>((command.expect_absent ? kExpectAbsent : 0) |
                                  (command.remove ? kRemove : 0)));
  PutVarint64(out, command.now_ms);
  PutLengthPrefixed(out, command.key);
  PutLengthPrefixed(out, command.expected);
  PutLengthPrefixed(out, command.replacement);
  return out;
}

absl::StatusOr<CompareAndSwap> DecodeCompareAndSwap(std::string_view body) {
  uint8_t flags = 0;
  CompareAndSwap command;
  if (!TakeByte(body, flags) || !GetVarint64(body, command.now_ms) ||
      !GetLengthPrefixed(body, command.key) || !GetLengthPrefixed(body, command.expected) ||
      !GetLengthPrefixed(body, command.replacement) || !body.empty()) {
    return Malformed("compare-and-swap");
  }
  command.expect_absent = (flags & kExpectAbsent) != 0;
  command.remove = (flags & kRemove) != 0;
  return command;
}

std::string EncodeOutcome(const CompareAndSwapOutcome& outcome) {
  std::string out;
  out.push_back(
      static_cast<char>((outcome.swapped ? kSwapped : 0) | (outcome.existed ? kExisted : 0)));
  out.append(outcome.previous);
  return out;
}

absl::StatusOr<CompareAndSwapOutcome> DecodeOutcome(std::string_view payload) {
  uint8_t flags = 0;
  if (!TakeByte(payload, flags)) return Malformed("outcome of a compare-and-swap");
  return CompareAndSwapOutcome{
      .swapped = (flags & kSwapped) != 0, .existed = (flags & kExisted) != 0, .previous = payload};
}

}  // namespace flotilla::store
