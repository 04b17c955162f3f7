// Asks the leader of a region to compare its replicas, wherever it is by then.
#ifndef FLOTILLA_CLIENT_CLI_REGION_CHECK_H_
#define FLOTILLA_CLIENT_CLI_REGION_CHECK_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/json.h"
#include "client/cli/table.h"
#include "flotilla/repair.pb.h"

namespace flotilla::cli {

// NotFound: no such region. DeadlineExceeded: no leader compared them within `limit`.
absl::StatusOr<repair::v1::Comparison> CheckRegion(CommandContext& context, RegionId region,
                                                   env::Duration limit);

// What came of the check of one region.
struct RegionCheckRow {
  uint64_t region_id = 0;
  absl::StatusOr<repair::v1::Comparison> outcome = absl::UnknownError("");

  bool Is(repair::v1::Comparison::Agreement agreement) const {
    return outcome.ok() && outcome->agreement() == agreement;
  }
};

Json CheckToJson(const RegionCheckRow& row);
Table MakeCheckTable();
void AddCheckRow(Table& table, const RegionCheckRow& row);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_REGION_CHECK_H_
