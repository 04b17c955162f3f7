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
      registry_(&guard_, parts.store),
      regions_(&guard_),
      heartbeats_(&guard_, parts.store, parts.metrics),
      splits_(&guard_, parts.clock),
      gc_(&guard_, parts.store, parts.clock),
      keyspaces_(&guard_, parts.store),
      repairs_(&guard_, parts.store, parts.clock, parts.max_replicas),
      etcd_(parts.members, parts.leadership, parts.store) {}

void PdService::Bind(rpc::MethodBinder& binder) {
  BindCluster(binder);
  BindRegions(binder);
  BindGc(binder);
  BindOthers(binder);
}

void PdService::BindCluster(rpc::MethodBinder& binder) {
  binder.Bind("pdpb.PD/GetMembers", &MemberApi::GetMembers, &members_);
  binder.Bind("pdpb.PD/GetClusterInfo", &MemberApi::GetClusterInfo, &members_);
  binder.AddStream("pdpb.PD/Tso", [this](std::shared_ptr<rpc::StreamControl> control) {
    return std::make_shared<TsoStream>(&tso_, std::move(control));
  });
  binder.Bind("pdpb.PD/GetMinTS", &TsoApi::GetMinTS, &tso_);
  binder.Bind("pdpb.PD/Bootstrap", &ClusterApi::Bootstrap, &cluster_);
  binder.Bind("pdpb.PD/IsBootstrapped", &ClusterApi::IsBootstrapped, &cluster_);
  binder.Bind("pdpb.PD/AllocID", &ClusterApi::AllocID, &cluster_);
  binder.Bind("pdpb.PD/GetStore", &ClusterApi::GetStore, &cluster_);
  binder.Bind("pdpb.PD/PutStore", &ClusterApi::PutStore, &cluster_);
  binder.Bind("flotilla.registry.v1.StoreRegistry/Register", &StoreRegistryApi::Register,
              &registry_);
  binder.Bind("flotilla.registry.v1.StoreRegistry/SavePosition", &StoreRegistryApi::SavePosition,
              &registry_);
  binder.Bind("pdpb.PD/GetAllStores", &ClusterApi::GetAllStores, &cluster_);
  binder.Bind("pdpb.PD/StoreHeartbeat", &ClusterApi::StoreHeartbeat, &cluster_);
  binder.Bind("pdpb.PD/GetClusterConfig", &ClusterApi::GetClusterConfig, &cluster_);
  binder.Bind("pdpb.PD/PutClusterConfig", &ClusterApi::PutClusterConfig, &cluster_);
}

void PdService::BindRegions(rpc::MethodBinder& binder) {
  binder.AddStream("pdpb.PD/RegionHeartbeat", [this](std::shared_ptr<rpc::StreamControl> control) {
    return std::make_shared<HeartbeatStream>(&heartbeats_, std::move(control));
  });
  binder.Bind("pdpb.PD/GetRegion", &RegionApi::GetRegion, &regions_);
  binder.Bind("pdpb.PD/GetPrevRegion", &RegionApi::GetPrevRegion, &regions_);
  binder.Bind("pdpb.PD/GetRegionByID", &RegionApi::GetRegionByID, &regions_);
  binder.Bind("pdpb.PD/ScanRegions", &RegionApi::ScanRegions, &regions_);
  binder.Bind("pdpb.PD/BatchScanRegions", &RegionApi::BatchScanRegions, &regions_);
  binder.Bind("pdpb.PD/AskBatchSplit", &SplitApi::AskBatchSplit, &splits_);
  binder.Bind("pdpb.PD/ReportBatchSplit", &SplitApi::ReportBatchSplit, &splits_);
  binder.Bind("pdpb.PD/SplitRegions", &SplitApi::SplitRegions, &splits_);
  binder.Bind("pdpb.PD/ScatterRegion", &SplitApi::ScatterRegion, &splits_);
  binder.Bind("pdpb.PD/SplitAndScatterRegions", &SplitApi::SplitAndScatterRegions, &splits_);
  binder.Bind("pdpb.PD/GetOperator", &SplitApi::GetOperator, &splits_);
}

void PdService::BindGc(rpc::MethodBinder& binder) {
  binder.Bind("pdpb.PD/GetGCSafePoint", &GcApi::GetGCSafePoint, &gc_);
  binder.Bind("pdpb.PD/UpdateGCSafePoint", &GcApi::UpdateGCSafePoint, &gc_);
  binder.Bind("pdpb.PD/UpdateServiceGCSafePoint", &GcApi::UpdateServiceGCSafePoint, &gc_);
  binder.Bind("pdpb.PD/AdvanceGCSafePoint", &GcApi::AdvanceGCSafePoint, &gc_);
  binder.Bind("pdpb.PD/AdvanceTxnSafePoint", &GcApi::AdvanceTxnSafePoint, &gc_);
  binder.Bind("pdpb.PD/SetGCBarrier", &GcApi::SetGCBarrier, &gc_);
  binder.Bind("pdpb.PD/DeleteGCBarrier", &GcApi::DeleteGCBarrier, &gc_);
  binder.Bind("pdpb.PD/GetGCState", &GcApi::GetGCState, &gc_);
}

void PdService::BindOthers(rpc::MethodBinder& binder) {
  binder.Bind("keyspacepb.Keyspace/LoadKeyspace", &KeyspaceApi::LoadKeyspace, &keyspaces_);
  binder.Bind("keyspacepb.Keyspace/LoadKeyspaceByID", &KeyspaceApi::LoadKeyspaceByID, &keyspaces_);
  binder.Bind("keyspacepb.Keyspace/UpdateKeyspaceState", &KeyspaceApi::UpdateKeyspaceState,
              &keyspaces_);
  binder.Bind("keyspacepb.Keyspace/GetAllKeyspaces", &KeyspaceApi::GetAllKeyspaces, &keyspaces_);
  binder.Bind("flotilla.keyspace.v1.KeyspaceAdmin/CreateKeyspace", &KeyspaceApi::CreateKeyspace,
              &keyspaces_);
  binder.Bind("flotilla.repair.v1.Repair/DeclareLost", &RepairApi::DeclareLost, &repairs_);
  binder.Bind("flotilla.repair.v1.Repair/RebuildReplica", &RepairApi::RebuildReplica, &repairs_);
  binder.Bind("flotilla.repair.v1.Repair/ReportCheck", &RepairApi::ReportCheck, &repairs_);
  binder.Bind("flotilla.repair.v1.Repair/GetChecks", &RepairApi::GetChecks, &repairs_);
  binder.Bind("etcdserverpb.KV/Range", &EtcdApi::Range, &etcd_);
  binder.Bind("etcdserverpb.KV/Put", &EtcdApi::Put, &etcd_);
  binder.Bind("etcdserverpb.Cluster/MemberList", &MemberApi::MemberList, &members_);
}

}  // namespace flotilla::pd
