// Region errors: the public protocol's errorpb.Error carried in an absl::Status, so that one return
// path serves all errors, and read back in this one place.
//
// A Status made here has an errorpb.Error as payload. Reactions of clients to each arm:
// docs/errors.md.
#ifndef FLOTILLA_COMMON_ERRORS_REGION_ERROR_H_
#define FLOTILLA_COMMON_ERRORS_REGION_ERROR_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/base/ids.h"

namespace errorpb {
class Error;
}
namespace metapb {
class Peer;
class Region;
}  // namespace metapb

namespace flotilla::errors {

// Wraps any region error.
absl::Status FromRegionError(const errorpb::Error& error);
// True, and `error` filled, when `status` carries a region error. Statuses made elsewhere have a
// meaning too: DeadlineExceeded becomes the message "Deadline is exceeded".
bool ToRegionError(const absl::Status& status, errorpb::Error* error);

// `leader` may be null: unknown.
absl::Status NotLeader(RegionId region_id, const metapb::Peer* leader);
absl::Status RegionNotFound(RegionId region_id);
absl::Status RegionNotInitialized(RegionId region_id);
absl::Status KeyNotInRegion(std::string_view key, const metapb::Region& region);
// `current` tells the client what it should know: the regions that now cover the old range, if
// known.
absl::Status EpochNotMatch(std::string message, const std::vector<metapb::Region>& current);
absl::Status ServerIsBusy(std::string reason, uint64_t backoff_ms);
absl::Status StaleCommand();
absl::Status StoreNotMatch(StoreId request, StoreId actual);
absl::Status MismatchPeerId(PeerId request, PeerId actual);
absl::Status RaftEntryTooLarge(RegionId region_id, uint64_t entry_bytes, uint64_t limit_bytes);
absl::Status ReadIndexNotReady(RegionId region_id, std::string reason);
absl::Status DiskFull(StoreId store_id, std::string reason);

// The command may or may not have taken effect, and nobody here can know.
absl::Status Undetermined(std::string message);
bool IsUndetermined(const absl::Status& status);

}  // namespace flotilla::errors

#endif  // FLOTILLA_COMMON_ERRORS_REGION_ERROR_H_
