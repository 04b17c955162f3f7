// Regions as JSON and as rows.
#ifndef FLOTILLA_CLIENT_CLI_REGION_TEXT_H_
#define FLOTILLA_CLIENT_CLI_REGION_TEXT_H_

#include <string>
#include <string_view>

#include "client/cli/console.h"
#include "client/cli/json.h"
#include "client/cli/table.h"
#include "client/key_codec.h"
#include "tikv/pdpb.pb.h"

namespace flotilla::cli {

// A region's boundary as people read it: the user key where it is one of this keyspace, "" at the
// ends of the key space, and else the bytes with the word "raw:" before.
std::string BoundaryText(const client::KeyCodec& codec, std::string_view region_key,
                         const Console& console);

Json RegionToJson(const client::KeyCodec& codec, const pdpb::Region& region,
                  const Console& console);

Table MakeRegionTable();
void AddRegionRow(Table& table, const client::KeyCodec& codec, const pdpb::Region& region,
                  const Console& console);

// "voter", "learner" ...
std::string_view RoleName(metapb::PeerRole role);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_REGION_TEXT_H_
