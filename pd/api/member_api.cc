#include "pd/api/member_api.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace flotilla::pd {
namespace {

// The version that clients see; they gate features of the public protocol by it.
constexpr char kBinaryVersion[] = "8.5.0";

// Clients parse the addresses as URLs.
std::string Url(const Member& member) { return absl::StrCat("http://", member.address); }

pdpb::Member Describe(const Member& member) {
  pdpb::Member described;
  described.set_name(member.name);
  described.set_member_id(member.id.value());
  described.add_peer_urls(Url(member));
  described.add_client_urls(Url(member));
  described.set_binary_version(kBinaryVersion);
  return described;
}

}  // namespace

absl::StatusOr<uint64_t> MemberApi::ClusterIdOrError() const {
  ASSIGN_OR_RETURN(const meta::v1::ClusterMeta cluster, store_->reader().Cluster());
  if (cluster.cluster_id() == 0) {
    return absl::UnavailableError("the cluster has no id yet: no leader was elected");
  }
  return cluster.cluster_id();
}

void MemberApi::GetMembers(const pdpb::GetMembersRequest&, pdpb::GetMembersResponse* response,
                           rpc::Done done) {
  const absl::StatusOr<uint64_t> cluster_id = ClusterIdOrError();
  if (!cluster_id.ok()) {
    std::move(done)(cluster_id.status());
    return;
  }
  response->mutable_header()->set_cluster_id(*cluster_id);
  for (const Member& member : members_->all()) *response->add_members() = Describe(member);
  if (const Member* leader = members_->Find(leadership_->leader()); leader != nullptr) {
    *response->mutable_leader() = Describe(*leader);
    *response->mutable_etcd_leader() = Describe(*leader);
  }
  std::move(done)(absl::OkStatus());
}

void MemberApi::GetClusterInfo(const pdpb::GetClusterInfoRequest&,
                               pdpb::GetClusterInfoResponse* response, rpc::Done done) {
  const absl::StatusOr<uint64_t> cluster_id = ClusterIdOrError();
  if (!cluster_id.ok()) {
    std::move(done)(cluster_id.status());
    return;
  }
  response->mutable_header()->set_cluster_id(*cluster_id);
  response->add_servicemodes(pdpb::PD_SVC_MODE);
  for (const Member& member : members_->all()) response->add_tso_urls(Url(member));
  std::move(done)(absl::OkStatus());
}

void MemberApi::MemberList(const etcdserverpb::MemberListRequest&,
                           etcdserverpb::MemberListResponse* response, rpc::Done done) {
  const absl::StatusOr<uint64_t> cluster_id = ClusterIdOrError();
  if (!cluster_id.ok()) {
    std::move(done)(cluster_id.status());
    return;
  }
  response->mutable_header()->set_cluster_id(*cluster_id);
  response->mutable_header()->set_member_id(members_->self().id.value());
  for (const Member& member : members_->all()) {
    etcdserverpb::Member* described = response->add_members();
    described->set_id(member.id.value());
    described->set_name(member.name);
    described->add_peerurls(Url(member));
    described->add_clienturls(Url(member));
  }
  std::move(done)(absl::OkStatus());
}

}  // namespace flotilla::pd
