#include "store/region/message_context.h"

#include <string>

#include "common/base/coding.h"

namespace flotilla::store {
namespace {

constexpr char kRangeHint = 1;
constexpr char kRemovedNotice = 2;
constexpr char kMembershipQuestion = 3;
constexpr char kHashReport = 4;

absl::StatusOr<MessageContext> DecodeHashReport(std::string_view data) {
  HashReport report;
  uint64_t at = 0;
  uint64_t computed = 0;
  if (!GetBigEndian64(data, report.check_id) || !GetVarint64(data, at) ||
      !GetVarint64(data, computed) || computed > 1 || !GetBigEndian64(data, report.hash) ||
      !GetVarint64(data, report.keys) || !data.empty()) {
    return absl::DataLossError("malformed report of a hash");
  }
  report.at = Index(at);
  report.computed = computed == 1;
  return MessageContext(report);
}

}  // namespace

Bytes EncodeContext(const MessageContext& context) {
  std::string out;
  if (const auto* hint = std::get_if<RangeHint>(&context)) {
    out.push_back(kRangeHint);
    PutLengthPrefixed(out, hint->range.start);
    PutLengthPrefixed(out, hint->range.end);
  } else if (const auto* notice = std::get_if<RemovedNotice>(&context)) {
    out.push_back(kRemovedNotice);
    PutVarint64(out, notice->removed.value());
    notice->region.AppendToString(&out);
  } else if (std::holds_alternative<MembershipQuestion>(context)) {
    out.push_back(kMembershipQuestion);
  } else if (const auto* report = std::get_if<HashReport>(&context)) {
    out.push_back(kHashReport);
    PutBigEndian64(out, report->check_id);
    PutVarint64(out, report->at.value());
    PutVarint64(out, report->computed ? 1 : 0);
    PutBigEndian64(out, report->hash);
    PutVarint64(out, report->keys);
  }
  return Bytes(std::move(out));
}

absl::StatusOr<MessageContext> DecodeContext(std::string_view data) {
  if (data.empty()) return MessageContext();
  const char kind = data.front();
  data.remove_prefix(1);
  if (kind == kRangeHint) {
    std::string_view start;
    std::string_view end;
    if (GetLengthPrefixed(data, start) && GetLengthPrefixed(data, end) && data.empty()) {
      return MessageContext(RangeHint{{std::string(start), std::string(end)}});
    }
  } else if (kind == kRemovedNotice) {
    RemovedNotice notice;
    uint64_t removed = 0;
    if (GetVarint64(data, removed) &&
        notice.region.ParseFromArray(data.data(), static_cast<int>(data.size()))) {
      notice.removed = PeerId(removed);
      return MessageContext(std::move(notice));
    }
  } else if (kind == kMembershipQuestion && data.empty()) {
    return MessageContext(MembershipQuestion{});
  } else if (kind == kHashReport) {
    return DecodeHashReport(data);
  }
  return absl::DataLossError("malformed context of a message");
}

}  // namespace flotilla::store
