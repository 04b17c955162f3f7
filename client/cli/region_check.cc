#include "client/cli/region_check.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace flotilla::cli {
namespace {

using repair::v1::CheckRegionRequest;
using repair::v1::CheckRegionResponse;
using repair::v1::Comparison;

constexpr env::Duration kPause = std::chrono::milliseconds(500);

std::string_view AgreementText(Comparison::Agreement agreement) {
  switch (agreement) {
    case Comparison::EQUAL:
      return "equal";
    case Comparison::INCOMPLETE:
      return "incomplete";
    case Comparison::DIFFERS:
      return "differs";
    default:
      return "unknown";
  }
}

std::string_view VerdictText(Comparison::Verdict verdict) {
  switch (verdict) {
    case Comparison::AGREES:
      return "agrees";
    case Comparison::DISAGREES:
      return "differs";
    default:
      return "not compared";
  }
}

std::string StoresThat(const Comparison& comparison, Comparison::Verdict verdict) {
  std::string text;
  for (const Comparison::Replica& replica : comparison.replicas()) {
    if (replica.verdict() != verdict) continue;
    text += fmt::format("{}{}", text.empty() ? "" : " ", replica.peer().store_id());
  }
  return text;
}

// One attempt; Unavailable: another one may go better.
absl::StatusOr<Comparison> Attempt(CommandContext& context, client::Admin& admin, RegionId id,
                                   env::Duration limit) {
  ASSIGN_OR_RETURN(const pdpb::Region region, admin.RegionById(id));
  if (region.leader().id() == 0) return absl::UnavailableError("PD knows no leader of it");
  ASSIGN_OR_RETURN(const metapb::Store store, admin.StoreById(StoreId(region.leader().store_id())));
  CheckRegionRequest request;
  request.mutable_context()->set_cluster_id(admin.cluster_id());
  request.set_region_id(id.value());
  request.set_timeout_ms(
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count()));
  // The store answers in the end, whatever it found; it may look twice.
  const auto answer =
      context.session.replicas().Check(store.address(), request, limit + std::chrono::seconds(5));
  if (!answer.ok()) {
    if (!absl::IsUnavailable(answer.status())) return answer.status();
    return absl::UnavailableError(
        absl::StrCat("store ", store.id(), " does not answer: ", answer.status().message()));
  }
  if (answer->has_region_error()) {
    return absl::UnavailableError(absl::StrCat(
        "store ", store.id(), " does not check it: ", answer->region_error().message()));
  }
  if (!answer->error().empty()) return absl::FailedPreconditionError(answer->error());
  return answer->comparison();
}

}  // namespace

absl::StatusOr<Comparison> CheckRegion(CommandContext& context, RegionId region,
                                       env::Duration limit) {
  ASSIGN_OR_RETURN(client::Admin* const admin, context.session.admin());
  const env::Instant end = context.clock.Now() + limit;
  while (true) {
    const env::Duration left =
        std::max<env::Duration>(end - context.clock.Now(), std::chrono::milliseconds(1));
    absl::StatusOr<Comparison> outcome = Attempt(context, *admin, region, left);
    if (outcome.ok() || !absl::IsUnavailable(outcome.status())) return outcome;
    if (context.clock.Now() + kPause >= end) {
      return absl::DeadlineExceededError(fmt::format(
          "region {} was not compared: {}", region.value(), FromAbsl(outcome.status().message())));
    }
    if (context.processes.Pause(kPause)) return absl::CancelledError("interrupted");
  }
}

Json CheckToJson(const RegionCheckRow& row) {
  Json json = Json::MakeObject();
  json.Set("region", row.region_id);
  if (!row.outcome.ok()) {
    json.Set("result", "not compared");
    return json.Set("error", FromAbsl(row.outcome.status().message()));
  }
  json.Set("result", AgreementText(row.outcome->agreement()));
  json.Set("at_index", row.outcome->at_index()).Set("has_majority", row.outcome->has_majority());
  Json replicas = Json::MakeArray();
  for (const Comparison::Replica& replica : row.outcome->replicas()) {
    Json one = Json::MakeObject();
    one.Set("store", replica.peer().store_id()).Set("peer", replica.peer().id());
    one.Set("verdict", VerdictText(replica.verdict()));
    if (replica.verdict() != Comparison::NOT_COMPARED) {
      one.Set("hash", fmt::format("{:016x}", replica.hash())).Set("keys", replica.keys());
    }
    replicas.Append(std::move(one));
  }
  return json.Set("replicas", std::move(replicas));
}

Table MakeCheckTable() {
  return Table(
      {">REGION", "RESULT", ">ENTRY", ">KEYS", "STORES THAT AGREE", "THAT DIFFER", "NOT COMPARED"});
}

void AddCheckRow(Table& table, const RegionCheckRow& row) {
  const std::string id = std::to_string(row.region_id);
  if (!row.outcome.ok()) {
    table.AddRow({id, "not compared", "", "", "", "",
                  std::string(FromAbsl(row.outcome.status().message()))});
    return;
  }
  uint64_t keys = 0;
  for (const Comparison::Replica& replica : row.outcome->replicas()) {
    keys = std::max(keys, replica.keys());
  }
  table.AddRow({id, std::string(AgreementText(row.outcome->agreement())),
                std::to_string(row.outcome->at_index()), std::to_string(keys),
                StoresThat(*row.outcome, Comparison::AGREES),
                StoresThat(*row.outcome, Comparison::DISAGREES),
                StoresThat(*row.outcome, Comparison::NOT_COMPARED)});
}

}  // namespace flotilla::cli
