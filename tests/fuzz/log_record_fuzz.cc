// What the log engine reads back, and what is inside a log entry. A row whose checksum does not fit
// is refused; one that fits is built here around the input.
#include "common/base/check.h"
#include "common/base/coding.h"
#include "common/multiraft/command_frame.h"
#include "common/raft/conf_change.h"
#include "common/raft/membership.h"
#include "common/raftlog/log_format.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"

namespace flotilla::fuzz {
namespace {

void ReadRow(std::string_view key, std::string_view value) {
  raftlog::ParseKey(key).status().IgnoreError();
  raftlog::ParseEntry(key, value).status().IgnoreError();
  raftlog::ParseEntryTerm(key, value).status().IgnoreError();
  raftlog::ParseHardState(key, value).status().IgnoreError();
  raftlog::ParseTruncated(key, value).status().IgnoreError();
  raftlog::ParseRecord(key, value).status().IgnoreError();
}

// Checksummed as if the engine had written it: the parsers behind the checksum get the bytes too.
void ReadChecksummedRow(std::string_view data) {
  const std::string key = raftlog::RecordKey(RegionId(3), "name");
  const std::string value = raftlog::RecordValue(key, data);
  const auto record = raftlog::ParseRecord(key, value);
  CHECK_OK(record.status());
  CHECK(*record == data);
  ReadRow(key, value);
}

void ReadEntry(std::string_view data) {
  const raft::Entry entry{Term(4), Index(5), raft::EntryType::kConfChange, Bytes::Copy(data)};
  const std::string key = raftlog::EntryKey(RegionId(3), entry.index);
  const std::string value = raftlog::EntryPrefix(key, entry).append(data);
  const auto read = raftlog::ParseEntry(key, value);
  CHECK_OK(read.status());
  CHECK(*read == entry);
}

void ReadFrame(std::string_view data) {
  multiraft::CommandFrameReader reader(data);
  multiraft::CommandFrameBuilder builder;
  std::string_view command;
  while (reader.Next(command)) builder.Add(command);
  if (!reader.status().ok()) return;
  const std::string frame = builder.Take();
  multiraft::CommandFrameReader again(frame);
  while (again.Next(command)) {
  }
  CHECK_OK(again.status());
}

void ReadConfChange(std::string_view data) {
  const auto change = raft::DecodeConfChange(data);
  if (!change.ok()) return;
  const auto again = raft::DecodeConfChange(raft::EncodeConfChange(*change).view());
  CHECK_OK(again.status());
  CHECK(*again == *change);
  raft::ConfState conf;
  conf.voters = {PeerId(1), PeerId(2), PeerId(3)};
  const auto changed = raft::ChangeMembership(conf, *change);
  if (!changed.ok()) return;
  CHECK_OK(raft::ValidateConfState(changed->conf_state));
}

void ReadCoding(std::string_view data) {
  std::string_view rest = data;
  uint64_t number = 0;
  if (GetVarint64(rest, number)) {
    std::string out;
    PutVarint64(out, number);
    std::string_view in = out;
    uint64_t again = 0;
    CHECK(GetVarint64(in, again) && again == number && in.empty());
  }
  rest = data;
  std::string_view piece;
  while (GetLengthPrefixed(rest, piece)) CHECK_LE(piece.size(), data.size());
}

class LogRecordTarget final : public FuzzTarget {
 public:
  void Run(std::string_view input) override {
    FuzzInput in(input);
    switch (in.Below(6)) {
      case 0: {
        const std::string_view key = in.Piece();
        return ReadRow(key, in.Rest());
      }
      case 1:
        return ReadChecksummedRow(in.Rest());
      case 2:
        return ReadEntry(in.Rest());
      case 3:
        return ReadFrame(in.Rest());
      case 4:
        return ReadConfChange(in.Rest());
      default:
        return ReadCoding(in.Rest());
    }
  }

  std::vector<std::string> Seeds() const override {
    const RegionId region(3);
    const std::string hard_state = raftlog::HardStateKey(region);
    const std::string truncated = raftlog::TruncatedKey(region);
    const std::string entry_key = raftlog::EntryKey(region, Index(5));
    const raft::Entry entry{Term(4), Index(5), raft::EntryType::kNormal, Bytes("x")};
    multiraft::CommandFrameBuilder frame;
    frame.Add("one");
    frame.Add("");
    raft::ConfChange change;
    change.transition = raft::ConfChange::Transition::kExplicit;
    change.steps = {{raft::ConfChangeStep::Type::kAddLearner, PeerId(4)},
                    {raft::ConfChangeStep::Type::kRemove, PeerId(2)}};
    change.context = Bytes("context");
    return {Row(hard_state, raftlog::HardStateValue(hard_state, {Term(4), PeerId(2), Index(5)})),
            Row(truncated, raftlog::TruncatedValue(truncated, {Term(3), Index(4)})),
            Row(entry_key, raftlog::EntryPrefix(entry_key, entry) + "x"),
            "\1record",
            "\2entry",
            "\3" + frame.Take(),
            "\4" + std::string(raft::EncodeConfChange(change).view()),
            "\5\3abc\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"};
  }

 private:
  static std::string Row(std::string_view key, std::string_view value) {
    return std::string(1, '\0').append(AsPiece(key)).append(value);
  }
};

}  // namespace

std::unique_ptr<FuzzTarget> MakeLogRecordTarget() { return std::make_unique<LogRecordTarget>(); }

}  // namespace flotilla::fuzz
