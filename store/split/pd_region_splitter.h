// Splits regions: ids from PD, then the command to the region's group.
//
// Thread-safe; never blocks.
#ifndef FLOTILLA_STORE_SPLIT_PD_REGION_SPLITTER_H_
#define FLOTILLA_STORE_SPLIT_PD_REGION_SPLITTER_H_

#include <string>
#include <vector>

#include "common/env/clock.h"
#include "common/pdclient/pd_client.h"
#include "store/kv/key_codec.h"
#include "store/kv/replicator.h"

namespace flotilla::store {

class PdRegionSplitter final : public RegionSplitter {
 public:
  // All must outlive the splitter and what it has under way.
  PdRegionSplitter(pdclient::PdClient* pd, Replicator* replicator, const KeyCodec* codec,
                   const env::Clock* clock);

  // InvalidArgument, KeyNotInRegion for unfit keys; what PD and the group refuse otherwise.
  void Split(RegionViewPtr view, std::vector<std::string> keys, SplitCallback done) override;

 private:
  void Propose(RegionViewPtr view, std::vector<std::string> keys,
               const std::vector<pdpb::SplitID>& ids, SplitCallback done);

  pdclient::PdClient* const pd_;
  Replicator* const replicator_;
  const KeyCodec* const codec_;
  const env::Clock* const clock_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_SPLIT_PD_REGION_SPLITTER_H_
