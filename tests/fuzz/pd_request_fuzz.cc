// Every request to PD and the heartbeats of regions, one after the other, on a member that leads,
// in memory. Each is answered exactly once, if not at once then when its patience is over.
#include <chrono>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "common/base/check.h"
#include "pd/api/etcd_api.h"
#include "pd/api/gc_api.h"
#include "pd/api/keyspace_api.h"
#include "pd/api/member_api.h"
#include "pd/api/region_api.h"
#include "pd/api/split_api.h"
#include "pd/api/tso_api.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/seed_messages.h"
#include "tests/pd/leader_fixture.h"

namespace flotilla::pd {
namespace {

constexpr int kMaxRequests = 32;

// A bootstrapped cluster with a store that beats, and what was asked of it.
class LeadingMember final : public LeaderFixture {
 public:
  LeadingMember() {
    Bootstrap();
    Beat(1);
  }
  void TestBody() override {}

  uint64_t cluster_id() { return ClusterIdNow(); }
  void Heartbeat(const pdpb::RegionHeartbeatRequest& request) {
    heartbeat_api_.OnHeartbeat(request, sink_).IgnoreError();
  }
  // Long enough for whoever waits for a split.
  void RunOut() {
    RunStage();
    if (unanswered > 0) RunFor(kSplitPatience + std::chrono::seconds(1));
  }
  void Pause() { RunFor(std::chrono::milliseconds(100)); }

  const MemberList members{{{"pd", "127.0.0.1:2379", MemberId("pd")}}, "pd"};
  RegionApi regions{&guard_};
  SplitApi splits{&guard_, &clock_};
  KeyspaceApi keyspaces{&guard_, &store_};
  GcApi gc{&guard_, &store_, &clock_};
  TsoApi tso{&guard_};
  MemberApi member{&members, &leadership_, &store_};
  EtcdApi etcd{&members, &leadership_, &store_};
  const std::tuple<ClusterApi*, RegionApi*, SplitApi*, KeyspaceApi*, GcApi*, TsoApi*, MemberApi*,
                   EtcdApi*>
      apis{&cluster_api_, &regions, &splits, &keyspaces, &gc, &tso, &member, &etcd};
  int unanswered = 0;

 private:
  const std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
};

template <typename Request>
void KnowTheCluster(LeadingMember& pd, Request& request) {
  if constexpr (requires { request.mutable_header()->set_cluster_id(1); }) {
    request.mutable_header()->set_cluster_id(pd.cluster_id());
  }
}

struct Call {
  // `as_is`: with the input's own header, else with the cluster's.
  void (*run)(LeadingMember& pd, std::string_view wire, bool as_is);
  std::string (*seed)();
};

template <typename Request>
std::string SeedOf() {
  Request request;
  fuzz::FillMessage(request, "k", 2);
  return request.SerializeAsString();
}

template <auto method>
struct Unary;
template <typename Api, typename Request, typename Response,
          void (Api::*method)(const Request&, Response*, rpc::Done)>
struct Unary<method> {
  struct Pending {
    Request request;
    Response response;
    int answers = 0;
  };
  static void Run(LeadingMember& pd, std::string_view wire, bool as_is) {
    auto pending = std::make_shared<Pending>();
    if (!pending->request.ParseFromArray(wire.data(), static_cast<int>(wire.size()))) return;
    if (!as_is) KnowTheCluster(pd, pending->request);
    ++pd.unanswered;
    (std::get<Api*>(pd.apis)->*method)(
        pending->request, &pending->response, [&pd, pending](absl::Status) {
          CHECK_EQ(++pending->answers, 1) << pending->request.DebugString();
          --pd.unanswered;
          pending->response.SerializeAsString();
        });
  }
  static constexpr Call kCall = {&Run, &SeedOf<Request>};
};

void RunHeartbeat(LeadingMember& pd, std::string_view wire, bool as_is) {
  pdpb::RegionHeartbeatRequest request;
  if (!request.ParseFromArray(wire.data(), static_cast<int>(wire.size()))) return;
  if (!as_is) KnowTheCluster(pd, request);
  pd.Heartbeat(request);
}

constexpr Call kCalls[] = {
    Unary<&ClusterApi::Bootstrap>::kCall,
    Unary<&ClusterApi::IsBootstrapped>::kCall,
    Unary<&ClusterApi::AllocID>::kCall,
    Unary<&ClusterApi::GetStore>::kCall,
    Unary<&ClusterApi::GetAllStores>::kCall,
    Unary<&ClusterApi::PutStore>::kCall,
    Unary<&ClusterApi::StoreHeartbeat>::kCall,
    Unary<&ClusterApi::GetClusterConfig>::kCall,
    Unary<&ClusterApi::PutClusterConfig>::kCall,
    Unary<&RegionApi::GetRegion>::kCall,
    Unary<&RegionApi::GetPrevRegion>::kCall,
    Unary<&RegionApi::GetRegionByID>::kCall,
    Unary<&RegionApi::ScanRegions>::kCall,
    Unary<&RegionApi::BatchScanRegions>::kCall,
    Unary<&SplitApi::AskBatchSplit>::kCall,
    Unary<&SplitApi::ReportBatchSplit>::kCall,
    Unary<&SplitApi::SplitRegions>::kCall,
    Unary<&SplitApi::ScatterRegion>::kCall,
    Unary<&SplitApi::SplitAndScatterRegions>::kCall,
    Unary<&SplitApi::GetOperator>::kCall,
    Unary<&KeyspaceApi::LoadKeyspace>::kCall,
    Unary<&KeyspaceApi::LoadKeyspaceByID>::kCall,
    Unary<&KeyspaceApi::GetAllKeyspaces>::kCall,
    Unary<&KeyspaceApi::UpdateKeyspaceState>::kCall,
    Unary<&KeyspaceApi::CreateKeyspace>::kCall,
    Unary<&GcApi::GetGCState>::kCall,
    Unary<&GcApi::AdvanceTxnSafePoint>::kCall,
    Unary<&GcApi::AdvanceGCSafePoint>::kCall,
    Unary<&GcApi::SetGCBarrier>::kCall,
    Unary<&GcApi::DeleteGCBarrier>::kCall,
    Unary<&GcApi::GetGCSafePoint>::kCall,
    Unary<&GcApi::UpdateGCSafePoint>::kCall,
    Unary<&GcApi::UpdateServiceGCSafePoint>::kCall,
    Unary<&TsoApi::Tso>::kCall,
    Unary<&TsoApi::GetMinTS>::kCall,
    Unary<&MemberApi::GetMembers>::kCall,
    Unary<&MemberApi::GetClusterInfo>::kCall,
    Unary<&MemberApi::MemberList>::kCall,
    Unary<&EtcdApi::Range>::kCall,
    Unary<&EtcdApi::Put>::kCall,
    {&RunHeartbeat, &SeedOf<pdpb::RegionHeartbeatRequest>},
    // Time goes on between requests.
    {[](LeadingMember& pd, std::string_view, bool) { pd.Pause(); }, [] { return std::string(); }},
};

class PdRequestTarget final : public fuzz::FuzzTarget {
 public:
  // Requests: which one, its length, its bytes.
  void Run(std::string_view input) override {
    fuzz::FuzzInput in(input);
    LeadingMember pd;
    for (int i = 0; i < kMaxRequests && !in.empty(); ++i) {
      const uint8_t which = in.Byte();
      const bool as_is = (which & 0x80) != 0;
      kCalls[(which & 0x7f) % std::size(kCalls)].run(pd, in.Piece(), as_is);
    }
    pd.RunOut();
    CHECK_EQ(pd.unanswered, 0);
  }

  std::vector<std::string> Seeds() const override {
    std::vector<std::string> seeds;
    for (size_t i = 0; i < std::size(kCalls); ++i) {
      seeds.push_back(std::string(1, static_cast<char>(i)) + fuzz::AsPiece(kCalls[i].seed()));
    }
    seeds.push_back(RegionsThatSplit());
    return seeds;
  }

 private:
  // The first region's heartbeat, one of half of it, and questions about both.
  static std::string RegionsThatSplit() {
    const auto add = [](std::string& input, char which, const google::protobuf::Message& request) {
      input += std::string(1, which) + fuzz::AsPiece(request.SerializeAsString());
    };
    std::string input;
    for (const auto& region : {MakeRegion(2, "", "", {1}), MakeRegion(2, "", "k", {1}, 2)}) {
      pdpb::RegionHeartbeatRequest heartbeat;
      *heartbeat.mutable_region() = region->meta;
      *heartbeat.mutable_leader() = region->leader;
      heartbeat.set_term(region->term);
      add(input, kHeartbeat, heartbeat);
    }
    pdpb::GetRegionRequest question;
    question.set_region_key("k");
    add(input, kGetRegion, question);
    pdpb::AskBatchSplitRequest ask;
    *ask.mutable_region() = MakeRegion(2, "", "k", {1}, 2)->meta;
    ask.set_split_count(2);
    add(input, kAskBatchSplit, ask);
    return input;
  }
  // Places in kCalls.
  static constexpr char kGetRegion = 9;
  static constexpr char kAskBatchSplit = 14;
  static constexpr char kHeartbeat = 40;
};

}  // namespace
}  // namespace flotilla::pd

namespace flotilla::fuzz {

std::unique_ptr<FuzzTarget> MakePdRequestTarget() {
  return std::make_unique<pd::PdRequestTarget>();
}

}  // namespace flotilla::fuzz
