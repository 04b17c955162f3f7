#include "store/service/kv_service.h"

#include "store/service/batch_commands.h"

namespace flotilla::store {

void BindKvService(rpc::MethodBinder& binder, KvApi* api, rpc::InFlight* in_flight) {
  const rpc::Gate writes = [api](size_t bytes, env::Duration allowed) {
    return api->CheckWrite(bytes, allowed);
  };
  binder.Bind("tikvpb.Tikv/RawGet", &KvApi::RawGet, api);
  binder.Bind("tikvpb.Tikv/RawBatchGet", &KvApi::RawBatchGet, api);
  binder.Bind("tikvpb.Tikv/RawGetKeyTTL", &KvApi::RawGetKeyTTL, api);
  binder.Bind("tikvpb.Tikv/RawScan", &KvApi::RawScan, api);
  binder.Bind("tikvpb.Tikv/RawBatchScan", &KvApi::RawBatchScan, api);
  binder.Bind("tikvpb.Tikv/RawChecksum", &KvApi::RawChecksum, api);
  binder.Bind("tikvpb.Tikv/RawPut", &KvApi::RawPut, api, writes);
  binder.Bind("tikvpb.Tikv/RawBatchPut", &KvApi::RawBatchPut, api, writes);
  binder.Bind("tikvpb.Tikv/RawDelete", &KvApi::RawDelete, api, writes);
  binder.Bind("tikvpb.Tikv/RawBatchDelete", &KvApi::RawBatchDelete, api, writes);
  binder.Bind("tikvpb.Tikv/RawDeleteRange", &KvApi::RawDeleteRange, api, writes);
  binder.Bind("tikvpb.Tikv/RawCompareAndSwap", &KvApi::RawCompareAndSwap, api, writes);
  binder.Bind("tikvpb.Tikv/SplitRegion", &KvApi::SplitRegion, api);
  binder.Bind("tikvpb.Tikv/GetHealthFeedback", &KvApi::GetHealthFeedback, api);
  binder.Bind("tikvpb.Tikv/UnsafeDestroyRange", &KvApi::UnsafeDestroyRange, api);
  binder.AddStream("tikvpb.Tikv/BatchCommands", BatchCommandsAcceptor(api, in_flight));
}

}  // namespace flotilla::store
