// Regions as JSON and as rows.
#ifndef FLOTILLA_CLIENT_CLI_REGION_TEXT_H_
#define FLOTILLA_CLIENT_CLI_REGION_TEXT_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "client/admin.h"
#include "client/cli/console.h"
#include "client/cli/json.h"
#include "client/cli/table.h"
#include "client/key_codec.h"
#include "flotilla/repair.pb.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::cli {

// A region's boundary as people read it: the user key where it is one of this keyspace, "" at the
// ends of the key space, and else the bytes with the word "raw:" before.
std::string BoundaryText(const client::KeyCodec& codec, std::string_view region_key,
                         const Console& console);

// What is known of comparisons of replicas, by region.
using RegionChecks = std::map<uint64_t, repair::v1::RegionCheck>;
// A PD that knows nothing of them, an older one, is no error.
absl::StatusOr<RegionChecks> LoadChecks(client::Admin& admin);

Json RegionToJson(const client::KeyCodec& codec, const pdpb::Region& region, const Console& console,
                  const RegionChecks& checks = {});

Table MakeRegionTable();
void AddRegionRow(Table& table, const client::KeyCodec& codec, const pdpb::Region& region,
                  const Console& console, const RegionChecks& checks = {});

// "voter", "learner" ...
std::string_view RoleName(metapb::PeerRole role);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_REGION_TEXT_H_
