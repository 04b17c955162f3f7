#include "pd/api/etcd_api.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"
#include "pd/meta/meta_commands.h"

namespace flotilla::pd {
namespace {

// A range end of one zero byte means all keys from the first one on.
std::string RangeEnd(const etcdserverpb::RangeRequest& request) {
  if (request.range_end().empty()) return request.key() + '\0';
  return request.range_end() == std::string(1, '\0') ? std::string() : request.range_end();
}

absl::Status CheckRange(const etcdserverpb::RangeRequest& request) {
  if (request.key().empty()) return absl::InvalidArgumentError("key is not provided");
  if (request.revision() > 0 || request.min_mod_revision() > 0 || request.max_mod_revision() > 0 ||
      request.min_create_revision() > 0 || request.max_create_revision() > 0) {
    return absl::InvalidArgumentError("ranges of revisions are not kept here");
  }
  if (request.sort_order() != etcdserverpb::RangeRequest::NONE &&
      request.sort_target() != etcdserverpb::RangeRequest::KEY) {
    return absl::InvalidArgumentError("ranges are sorted by key only");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status EtcdApi::FillHeader(etcdserverpb::ResponseHeader* header) const {
  ASSIGN_OR_RETURN(const meta::v1::ClusterMeta cluster, store_->reader().Cluster());
  header->set_cluster_id(cluster.cluster_id());
  header->set_member_id(members_->self().id.value());
  // Never 0: clients take it for a server that knows no revisions.
  header->set_revision(cluster.etcd_revision() + 1);
  return absl::OkStatus();
}

void EtcdApi::Range(const etcdserverpb::RangeRequest& request,
                    etcdserverpb::RangeResponse* response, rpc::Done done) {
  if (absl::Status status = CheckRange(request); !status.ok()) {
    std::move(done)(std::move(status));
    return;
  }
  if (request.serializable()) {
    AnswerRange(request, response, std::move(done));
    return;
  }
  store_->Read([this, &request, response, done = std::move(done)](absl::Status status) mutable {
    if (status.ok()) {
      AnswerRange(request, response, std::move(done));
    } else {
      std::move(done)(std::move(status));
    }
  });
}

void EtcdApi::AnswerRange(const etcdserverpb::RangeRequest& request,
                          etcdserverpb::RangeResponse* response, rpc::Done done) const {
  const MetaReader reader = store_->reader();
  absl::Status status = FillHeader(response->mutable_header());
  auto found = reader.EtcdRange(request.key(), RangeEnd(request));
  const auto gc = reader.Gc();
  if (status.ok()) status = found.status();
  if (status.ok()) status = gc.status();
  if (!status.ok()) {
    std::move(done)(std::move(status));
    return;
  }
  // The safe point's key says what the safe point is, however it was moved.
  for (mvccpb::KeyValue& pair : *found) {
    if (FromAbsl(pair.key()) == kEtcdSafePointKey) {
      pair.set_value(absl::StrCat(gc->txn_safe_point()));
    }
  }
  if (found->empty() && FromAbsl(request.key()) == kEtcdSafePointKey && gc->txn_safe_point() != 0) {
    mvccpb::KeyValue& pair = found->emplace_back();
    pair.set_key(request.key());
    pair.set_value(absl::StrCat(gc->txn_safe_point()));
    pair.set_create_revision(1);
    pair.set_mod_revision(1);
    pair.set_version(1);
  }
  response->set_count(static_cast<int64_t>(found->size()));
  if (request.sort_order() == etcdserverpb::RangeRequest::DESCEND) {
    std::reverse(found->begin(), found->end());
  }
  if (request.limit() > 0 && found->size() > static_cast<size_t>(request.limit())) {
    found->resize(static_cast<size_t>(request.limit()));
    response->set_more(true);
  }
  if (!request.count_only()) {
    for (mvccpb::KeyValue& pair : *found) {
      if (request.keys_only()) pair.clear_value();
      *response->add_kvs() = std::move(pair);
    }
  }
  std::move(done)(absl::OkStatus());
}

void EtcdApi::Put(const etcdserverpb::PutRequest& request, etcdserverpb::PutResponse* response,
                  rpc::Done done) {
  const std::shared_ptr<LeaderState> state = leadership_->Current();
  if (state == nullptr) {
    std::move(done)(NotLeaderStatus());
    return;
  }
  if (request.lease() != 0 || request.prev_kv() || request.ignore_value() ||
      request.ignore_lease()) {
    std::move(done)(absl::InvalidArgumentError("puts take a key and a value only"));
    return;
  }
  meta::v1::Command command;
  command.mutable_put_etcd()->set_key(request.key());
  command.mutable_put_etcd()->set_value(request.value());
  store_->Propose(
      state->term, std::move(command),
      [this, response, done = std::move(done)](absl::StatusOr<meta::v1::Result> result) mutable {
        absl::Status status = result.status();
        if (status.ok()) status = FillHeader(response->mutable_header());
        std::move(done)(std::move(status));
      });
}

}  // namespace flotilla::pd
