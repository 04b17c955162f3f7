#include "pd/service/pd_service.h"

#include <memory>
#include <utility>

#include "pd/service/heartbeat_stream.h"
#include "pd/service/tso_stream.h"

namespace flotilla::pd {

PdService::PdService(const Parts& parts)
    : guard_(parts.leadership),
      members_(parts.members, parts.leadership, parts.store),
      tso_(&guard_),
      cluster_(&guard_, parts.store, parts.max_replicas),
      regions_(&guard_),
      heartbeats_(&guard_, parts.store, parts.metrics),
      splits_(&guard_, parts.clock),
      gc_(&guard_, parts.store, parts.clock),
      keyspaces_(&guard_, parts.store),
      etcd_(parts.members, parts.leadership, parts.store) {}

void PdService::Bind(rpc::Server& server) {
  BindCluster(server);
  BindRegions(server);
  BindGc(server);
  BindOthers(server);
}

void PdService::BindCluster(rpc::Server& server) {
  server.Bind("pdpb.PD/GetMembers", &MemberApi::GetMembers, &members_);
  server.Bind("pdpb.PD/GetClusterInfo", &MemberApi::GetClusterInfo, &members_);
  server.AddStream("pdpb.PD/Tso", [this](std::shared_ptr<rpc::StreamControl> control) {
    return std::make_shared<TsoStream>(&tso_, std::move(control));
  });
  server.Bind("pdpb.PD/GetMinTS", &TsoApi::GetMinTS, &tso_);
  server.Bind("pdpb.PD/Bootstrap", &ClusterApi::Bootstrap, &cluster_);
  server.Bind("pdpb.PD/IsBootstrapped", &ClusterApi::IsBootstrapped, &cluster_);
  server.Bind("pdpb.PD/AllocID", &ClusterApi::AllocID, &cluster_);
  server.Bind("pdpb.PD/GetStore", &ClusterApi::GetStore, &cluster_);
  server.Bind("pdpb.PD/PutStore", &ClusterApi::PutStore, &cluster_);
  server.Bind("pdpb.PD/GetAllStores", &ClusterApi::GetAllStores, &cluster_);
  server.Bind("pdpb.PD/StoreHeartbeat", &ClusterApi::StoreHeartbeat, &cluster_);
  server.Bind("pdpb.PD/GetClusterConfig", &ClusterApi::GetClusterConfig, &cluster_);
  server.Bind("pdpb.PD/PutClusterConfig", &ClusterApi::PutClusterConfig, &cluster_);
}

void PdService::BindRegions(rpc::Server& server) {
  server.AddStream("pdpb.PD/RegionHeartbeat", [this](std::shared_ptr<rpc::StreamControl> control) {
    return std::make_shared<HeartbeatStream>(&heartbeats_, std::move(control));
  });
  server.Bind("pdpb.PD/GetRegion", &RegionApi::GetRegion, &regions_);
  server.Bind("pdpb.PD/GetPrevRegion", &RegionApi::GetPrevRegion, &regions_);
  server.Bind("pdpb.PD/GetRegionByID", &RegionApi::GetRegionByID, &regions_);
  server.Bind("pdpb.PD/ScanRegions", &RegionApi::ScanRegions, &regions_);
  server.Bind("pdpb.PD/BatchScanRegions", &RegionApi::BatchScanRegions, &regions_);
  server.Bind("pdpb.PD/AskBatchSplit", &SplitApi::AskBatchSplit, &splits_);
  server.Bind("pdpb.PD/ReportBatchSplit", &SplitApi::ReportBatchSplit, &splits_);
  server.Bind("pdpb.PD/SplitRegions", &SplitApi::SplitRegions, &splits_);
  server.Bind("pdpb.PD/ScatterRegion", &SplitApi::ScatterRegion, &splits_);
  server.Bind("pdpb.PD/SplitAndScatterRegions", &SplitApi::SplitAndScatterRegions, &splits_);
  server.Bind("pdpb.PD/GetOperator", &SplitApi::GetOperator, &splits_);
}

void PdService::BindGc(rpc::Server& server) {
  server.Bind("pdpb.PD/GetGCSafePoint", &GcApi::GetGCSafePoint, &gc_);
  server.Bind("pdpb.PD/UpdateGCSafePoint", &GcApi::UpdateGCSafePoint, &gc_);
  server.Bind("pdpb.PD/UpdateServiceGCSafePoint", &GcApi::UpdateServiceGCSafePoint, &gc_);
  server.Bind("pdpb.PD/AdvanceGCSafePoint", &GcApi::AdvanceGCSafePoint, &gc_);
  server.Bind("pdpb.PD/AdvanceTxnSafePoint", &GcApi::AdvanceTxnSafePoint, &gc_);
  server.Bind("pdpb.PD/SetGCBarrier", &GcApi::SetGCBarrier, &gc_);
  server.Bind("pdpb.PD/DeleteGCBarrier", &GcApi::DeleteGCBarrier, &gc_);
  server.Bind("pdpb.PD/GetGCState", &GcApi::GetGCState, &gc_);
}

void PdService::BindOthers(rpc::Server& server) {
  server.Bind("keyspacepb.Keyspace/LoadKeyspace", &KeyspaceApi::LoadKeyspace, &keyspaces_);
  server.Bind("keyspacepb.Keyspace/LoadKeyspaceByID", &KeyspaceApi::LoadKeyspaceByID, &keyspaces_);
  server.Bind("keyspacepb.Keyspace/UpdateKeyspaceState", &KeyspaceApi::UpdateKeyspaceState,
              &keyspaces_);
  server.Bind("keyspacepb.Keyspace/GetAllKeyspaces", &KeyspaceApi::GetAllKeyspaces, &keyspaces_);
  server.Bind("flotilla.keyspace.v1.KeyspaceAdmin/CreateKeyspace", &KeyspaceApi::CreateKeyspace,
              &keyspaces_);
  server.Bind("etcdserverpb.KV/Range", &EtcdApi::Range, &etcd_);
  server.Bind("etcdserverpb.KV/Put", &EtcdApi::Put, &etcd_);
  server.Bind("etcdserverpb.Cluster/MemberList", &MemberApi::MemberList, &members_);
}

}  // namespace flotilla::pd
