// Does what PD asks for in the answers to region heartbeats: changes of members, transfers of
// leadership, splits. Each is for one epoch of the region; a later region ignores it, and PD sees
// by the next heartbeat what became of it.
//
// Thread-safe; called on a thread of the PD client's.
#ifndef FLOTILLA_STORE_HEARTBEAT_INSTRUCTION_HANDLER_H_
#define FLOTILLA_STORE_HEARTBEAT_INSTRUCTION_HANDLER_H_

#include "common/env/clock.h"
#include "common/multiraft/host.h"
#include "common/pdclient/pd_client.h"
#include "store/kv/replicator.h"
#include "store/region/region_manager.h"
#include "store/split/split_checker.h"

namespace flotilla::store {

class InstructionHandler final : public pdclient::HeartbeatListener {
 public:
  // All must outlive the handler.
  struct Targets {
    multiraft::Host* host = nullptr;
    RegionManager* manager = nullptr;
    RegionSplitter* splitter = nullptr;
    SplitChecker* split_checker = nullptr;
    const env::Clock* clock = nullptr;
  };
  explicit InstructionHandler(const Targets& targets) : on_(targets) {}

  void OnInstruction(pdpb::RegionHeartbeatResponse instruction) override;
  void OnHeartbeatStreamUp() override;

 private:
  void ChangeMembers(const RegionView& view, const pdpb::ChangePeerV2& changes);
  void TransferLeader(const RegionView& view, const pdpb::TransferLeader& transfer);
  void Split(const RegionViewPtr& view, const pdpb::SplitRegion& split);

  const Targets on_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_HEARTBEAT_INSTRUCTION_HANDLER_H_
