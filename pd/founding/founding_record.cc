#include "pd/founding/founding_record.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/checksum.h"
#include "common/base/coding.h"
#include "flotilla/founding.pb.h"

namespace flotilla::pd {
namespace {

constexpr std::string_view kMagic = "flotilla-founding 1\n";
constexpr size_t kChecksumBytes = 8;

FoundingStep Refuse(std::string why) { return {FoundingStep::Kind::kRefuse, {}, std::move(why)}; }

uint64_t NonceOf(const Founders& founders, const std::string& member) {
  const auto it = founders.find(member);
  return it == founders.end() ? 0 : it->second;
}

// What one other member has written down is against this one's directory. Empty: it is not.
std::string Objection(const std::string& self, const FoundingRecord& own, const std::string& other,
                      const Heard& heard) {
  const FoundingRecord& record = heard.record;
  const std::string cluster =
      heard.cluster_id == 0 ? "" : absl::StrCat(" of cluster ", heard.cluster_id);
  if (record.founded && NonceOf(record.founders, self) != own.nonce) {
    return absl::StrCat("its data directory is empty, and member ", other, cluster,
                        " knows it from before: it has forgotten its votes and what it "
                        "acknowledged, and must not take part");
  }
  if (record.founded && record.founders != own.founders) {
    return absl::StrCat("its data directory is older than the cluster that member ", other, cluster,
                        " belongs to: it may have forgotten votes, and must not take part");
  }
  if (!record.founders.empty() && NonceOf(record.founders, self) != own.nonce) {
    return absl::StrCat("its data directory was emptied while the cluster was founded, as member ",
                        other, " knows");
  }
  return "";
}

}  // namespace

std::string EncodeFounding(const FoundingRecord& record) {
  founding::v1::Record message;
  message.set_nonce(record.nonce);
  for (const auto& [name, nonce] : record.founders) (*message.mutable_founders())[name] = nonce;
  message.set_founded(record.founded);
  std::string out(kMagic);
  out += message.SerializeAsString();
  PutBigEndian64(out, Xxh3(out));
  return out;
}

absl::StatusOr<FoundingRecord> DecodeFounding(std::string_view data) {
  const absl::Status damaged = absl::DataLossError("the record of the founding is damaged");
  if (data.size() < kMagic.size() + kChecksumBytes || !data.starts_with(kMagic)) return damaged;
  const std::string_view body = data.substr(0, data.size() - kChecksumBytes);
  std::string_view tail = data.substr(body.size());
  uint64_t checksum = 0;
  GetBigEndian64(tail, checksum);
  founding::v1::Record message;
  const std::string_view encoded = body.substr(kMagic.size());
  if (checksum != Xxh3(body) ||
      !message.ParseFromArray(encoded.data(), static_cast<int>(encoded.size()))) {
    return damaged;
  }
  FoundingRecord record{message.nonce(), {}, message.founded()};
  for (const auto& [name, nonce] : message.founders()) record.founders[name] = nonce;
  return record;
}

FoundingStep NextStep(const MemberList& members, const FoundingRecord& own,
                      const std::map<std::string, Heard>& heard) {
  CHECK(!own.founded);
  const std::string& self = members.self().name;
  for (const auto& [other, answer] : heard) {
    std::string objection = Objection(self, own, other, answer);
    if (!objection.empty()) return Refuse(std::move(objection));
  }
  // Its founders are this member's: all had written them down before it began.
  for (const auto& [other, answer] : heard) {
    if (answer.record.founded) return {FoundingStep::Kind::kJoin, {}, {}};
  }
  if (heard.size() + 1 < members.all().size()) return {};
  if (!own.founders.empty()) {
    for (const auto& [other, answer] : heard) {
      if (answer.record.founders != own.founders) return {};
    }
    return {FoundingStep::Kind::kJoin, {}, {}};
  }
  FoundingStep step{FoundingStep::Kind::kRemember, {{self, own.nonce}}, {}};
  for (const auto& [other, answer] : heard) step.founders[other] = answer.record.nonce;
  for (const auto& [other, answer] : heard) {
    // Somebody was emptied after that one had written down; it will hear of it.
    if (!answer.record.founders.empty() && answer.record.founders != step.founders) return {};
  }
  return step;
}

}  // namespace flotilla::pd
