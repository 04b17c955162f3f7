#include "store/service/kv_service.h"

#include "store/service/batch_commands.h"

namespace flotilla::store {

void BindKvService(rpc::Server& server, KvApi* api) {
  server.Bind("tikvpb.Tikv/RawGet", &KvApi::RawGet, api);
  server.Bind("tikvpb.Tikv/RawBatchGet", &KvApi::RawBatchGet, api);
  server.Bind("tikvpb.Tikv/RawGetKeyTTL", &KvApi::RawGetKeyTTL, api);
  server.Bind("tikvpb.Tikv/RawScan", &KvApi::RawScan, api);
  server.Bind("tikvpb.Tikv/RawBatchScan", &KvApi::RawBatchScan, api);
  server.Bind("tikvpb.Tikv/RawChecksum", &KvApi::RawChecksum, api);
  server.Bind("tikvpb.Tikv/RawPut", &KvApi::RawPut, api);
  server.Bind("tikvpb.Tikv/RawBatchPut", &KvApi::RawBatchPut, api);
  server.Bind("tikvpb.Tikv/RawDelete", &KvApi::RawDelete, api);
  server.Bind("tikvpb.Tikv/RawBatchDelete", &KvApi::RawBatchDelete, api);
  server.Bind("tikvpb.Tikv/RawDeleteRange", &KvApi::RawDeleteRange, api);
  server.Bind("tikvpb.Tikv/RawCompareAndSwap", &KvApi::RawCompareAndSwap, api);
  server.Bind("tikvpb.Tikv/SplitRegion", &KvApi::SplitRegion, api);
  server.Bind("tikvpb.Tikv/GetHealthFeedback", &KvApi::GetHealthFeedback, api);
  server.Bind("tikvpb.Tikv/UnsafeDestroyRange", &KvApi::UnsafeDestroyRange, api);
  server.AddStream("tikvpb.Tikv/BatchCommands", BatchCommandsAcceptor(api));
}

}  // namespace flotilla::store
