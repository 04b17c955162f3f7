#include "store/kv/kv_api.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"
#include "common/errors/region_error.h"
#include "store/kv/api_reply.h"
#include "store/kv/command.h"
#include "store/kv/scan.h"
#include "store/kv/value_format.h"
#include "store/region/region_storage.h"

namespace flotilla::store {
namespace {

// Per operation in a command: kind, lengths, flags and expiry.
constexpr size_t kOperationBytes = 24;

size_t CommandBytes(const KeyCodec& codec, std::string_view key, std::string_view value) {
  return codec.EncodedSize(key) + value.size() + kOperationBytes;
}

absl::Status CheckColumnFamily(std::string_view cf) {
  if (cf.empty() || cf == "default") [[likely]]
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("InvalidCf: raw keys live in column family \"default\", not \"",
                   ToAbsl(cf.substr(0, 64)), "\""));
}

// The TTL of the i-th of `count` pairs.
absl::StatusOr<uint64_t> TtlOf(const kvrpcpb::RawBatchPutRequest& request, int i) {
  const int given = request.ttls_size();
  if (given == 0) return request.ttl();
  if (given == 1) return request.ttls(0);
  if (given == request.pairs_size()) return request.ttls(i);
  return absl::InvalidArgumentError(absl::StrCat("InvalidTtls: ", given, " TTLs for ",
                                                 request.pairs_size(),
                                                 " pairs; give none, one, or one a pair"));
}

absl::Status CheckAnswerSize(uint64_t bytes, uint64_t limit) {
  if (bytes <= limit) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("AnswerTooLarge: the values take more than ",
                                                   limit, " bytes; ask for fewer keys"));
}

// Of a request without a column family: checks nothing.
template <typename Request>
absl::Status CheckFamilyOf(const Request& request) {
  if constexpr (requires { request.cf(); }) {
    return CheckColumnFamily(request.cf());
  } else {
    return absl::OkStatus();
  }
}

}  // namespace

KvApi::KvApi(const KvDependencies& dependencies, const KvLimits& limits)
    : on_(dependencies), limits_(limits) {}

template <typename Request, typename Response>
bool KvApi::Begin(const Request& request, Response* response, rpc::Done& done) const {
  const uint64_t cluster_id = request.context().cluster_id();
  if (cluster_id != 0 && cluster_id != on_.cluster_id.value()) [[unlikely]] {
    std::move(done)(absl::InvalidArgumentError(
        absl::StrCat("cluster id mismatch: the request is for cluster ", cluster_id,
                     ", this store is of cluster ", on_.cluster_id.value())));
    return false;
  }
  absl::Status status = on_.codec->CheckContext(request.context());
  if (status.ok()) status = CheckFamilyOf(request);
  if (status.ok()) [[likely]]
    return true;
  Reply(status, response, std::move(done));
  return false;
}

template <typename Request, typename Response, typename ReadFunction>
void KvApi::Read(const Request& request, Response* response, bool heavy, rpc::Done done,
                 ReadFunction read) {
  const env::Instant deadline =
      heavy ? on_.reader->DeadlineOf(request.context()) : env::Instant::max();
  on_.reader->Read(request.context(),
                   [this, response, deadline, heavy, read,
                    done = std::move(done)](absl::StatusOr<ReadPermit> permit) mutable {
                     if (!permit.ok()) return Reply(permit.status(), response, std::move(done));
                     if (!heavy) return Reply(read(*permit), response, std::move(done));
                     auto work = [response, read, permit = *std::move(permit),
                                  done = std::move(done)](absl::Status status) mutable {
                       if (status.ok()) status = read(permit);
                       Reply(status, response, std::move(done));
                     };
                     on_.executor->Run(deadline, std::move(work));
                   });
}

template <typename Response, typename Finish>
void KvApi::Propose(const kvrpcpb::Context& context, const RegionView& view, std::string command,
                    bool own_entry, Response* response, rpc::Done done, Finish finish) {
  const RegionId region_id = view.region.id();
  if (command.size() > limits_.max_entry_bytes) [[unlikely]]
    return Reply(errors::RaftEntryTooLarge(region_id, command.size(), limits_.max_entry_bytes),
                 response, std::move(done));
  multiraft::Proposal proposal;
  proposal.command = std::move(command);
  proposal.own_entry = own_entry;
  proposal.deadline = on_.reader->DeadlineOf(context);
  proposal.epoch_version = view.region.version();
  proposal.callback = [response, finish,
                       done = std::move(done)](absl::StatusOr<multiraft::Applied> applied) mutable {
    if (applied.ok()) [[likely]] {
      finish(*applied);
      std::move(done)(absl::OkStatus());
    } else {
      Reply(applied.status(), response, std::move(done));
    }
  };
  on_.replicator->Propose(region_id, std::move(proposal));
}

template <typename Request, typename Response, typename BuildFunction>
void KvApi::Write(const Request& request, Response* response, Growth growth, size_t expected_bytes,
                  rpc::Done done, BuildFunction build) {
  absl::Status status = CheckWrite(expected_bytes, LocalReader::TimeOf(request.context()));
  if (!status.ok()) [[unlikely]]
    return Reply(status, response, std::move(done));
  const auto view = on_.reader->Admit(request.context());
  if (!view.ok()) [[unlikely]]
    return Reply(view.status(), response, std::move(done));
  WriteCommand command((*view)->region.version(), expected_bytes);
  if (growth == Growth::kGrows) status = on_.room->CheckGrowth((*view)->region);
  if (status.ok()) status = build((*view)->region, command);
  if (!status.ok()) [[unlikely]]
    return Reply(status, response, std::move(done));
  Propose(request.context(), **view, std::move(command).Take(), /*own_entry=*/false, response,
          std::move(done), [](const multiraft::Applied&) {});
}

// --- Reads --------------------------------------------------------------------------------------

absl::StatusOr<bool> KvApi::GetStored(const ReadPermit& permit, std::string_view key,
                                      std::string& value, uint64_t& ttl_seconds) const {
  const std::string engine_key = on_.codec->Encode(key);
  RETURN_IF_ERROR(permit.view->region.CheckKey(engine_key));
  value.clear();
  ASSIGN_OR_RETURN(const bool found,
                   on_.engine->GetTo(engine::ColumnFamily::kDefault, engine_key, value));
  if (!found) return false;
  PeerTraffic& traffic = permit.view->peer->traffic;
  traffic.keys_read.fetch_add(1, std::memory_order_relaxed);
  traffic.bytes_read.fetch_add(key.size() + value.size(), std::memory_order_relaxed);
  ASSIGN_OR_RETURN(const StoredValue stored, ParseStoredValue(value));
  ttl_seconds = 0;
  if (stored.expire_at_ms != kNeverExpires) [[unlikely]] {
    const int64_t now_ms = on_.clock->WallMillis();
    if (stored.ExpiredAt(now_ms)) return false;
    ttl_seconds = stored.TtlSeconds(now_ms);
  }
  value.resize(stored.value.size());
  return true;
}

void KvApi::RawGet(const kvrpcpb::RawGetRequest& request, kvrpcpb::RawGetResponse* response,
                   rpc::Done done) {
  if (!Begin(request, response, done)) return;
  if (auto status = on_.codec->CheckRawKey(request.context(), request.key()); !status.ok()) {
    return Reply(status, response, std::move(done));
  }
  Read(request, response, /*heavy=*/false, std::move(done),
       [this, &request, response](const ReadPermit& permit) -> absl::Status {
         uint64_t ttl = 0;
         ASSIGN_OR_RETURN(const bool found,
                          GetStored(permit, request.key(), *response->mutable_value(), ttl));
         if (!found) {
           response->clear_value();
           response->set_not_found(true);
         }
         return permit.CheckAfterRead();
       });
}

void KvApi::RawGetKeyTTL(const kvrpcpb::RawGetKeyTTLRequest& request,
                         kvrpcpb::RawGetKeyTTLResponse* response, rpc::Done done) {
  if (!Begin(request, response, done)) return;
  if (auto status = on_.codec->CheckRawKey(request.context(), request.key()); !status.ok()) {
    return Reply(status, response, std::move(done));
  }
  Read(request, response, /*heavy=*/false, std::move(done),
       [this, &request, response](const ReadPermit& permit) -> absl::Status {
         std::string value;
         uint64_t ttl = 0;
         ASSIGN_OR_RETURN(const bool found, GetStored(permit, request.key(), value, ttl));
         response->set_not_found(!found);
         response->set_ttl(ttl);
         return permit.CheckAfterRead();
       });
}

void KvApi::RawBatchGet(const kvrpcpb::RawBatchGetRequest& request,
                        kvrpcpb::RawBatchGetResponse* response, rpc::Done done) {
  if (!Begin(request, response, done)) return;
  for (const std::string& key : request.keys()) {
    if (auto status = on_.codec->CheckRawKey(request.context(), key); !status.ok()) {
      return Reply(status, response, std::move(done));
    }
  }
  const bool heavy = static_cast<uint32_t>(request.keys_size()) > limits_.max_inline_pairs;
  Read(request, response, heavy, std::move(done),
       [this, &request, response](const ReadPermit& permit) -> absl::Status {
         uint64_t bytes = 0;
         for (const std::string& key : request.keys()) {
           uint64_t ttl = 0;
           kvrpcpb::KvPair* pair = response->add_pairs();
           ASSIGN_OR_RETURN(const bool found, GetStored(permit, key, *pair->mutable_value(), ttl));
           if (!found) {
             response->mutable_pairs()->RemoveLast();
             continue;
           }
           pair->set_key(key);
           bytes += key.size() + pair->value().size();
           RETURN_IF_ERROR(CheckAnswerSize(bytes, limits_.max_scan_bytes));
         }
         return permit.CheckAfterRead();
       });
}

absl::Status KvApi::Scan(const ReadPermit& permit, const kvrpcpb::RawScanRequest& request,
                         kvrpcpb::RawScanResponse* response) const {
  const Region& region = permit.view->region;
  const KeyRange asked = request.reverse()
                             ? on_.codec->EncodeRange(request.end_key(), request.start_key())
                             : on_.codec->EncodeRange(request.start_key(), request.end_key());
  const RangeReader reader(on_.engine, on_.codec);
  RETURN_IF_ERROR(permit.CheckAfterRead());
  return reader.Scan(region.Clip(asked),
                     {.limit = request.limit(),
                      .key_only = request.key_only(),
                      .reverse = request.reverse(),
                      .now_ms = on_.clock->WallMillis(),
                      .max_bytes = limits_.max_scan_bytes},
                     response->mutable_kvs());
}

void KvApi::RawScan(const kvrpcpb::RawScanRequest& request, kvrpcpb::RawScanResponse* response,
                    rpc::Done done) {
  if (!Begin(request, response, done)) return;
  const std::string& lower = request.reverse() ? request.end_key() : request.start_key();
  const std::string& upper = request.reverse() ? request.start_key() : request.end_key();
  if (auto status = on_.codec->CheckRawRange(request.context(), lower, upper); !status.ok()) {
    return Reply(status, response, std::move(done));
  }
  Read(request, response, request.limit() > limits_.max_inline_pairs, std::move(done),
       [this, &request, response](const ReadPermit& permit) {
         return Scan(permit, request, response);
       });
}

absl::Status KvApi::BatchScan(const ReadPermit& permit, const kvrpcpb::RawBatchScanRequest& request,
                              kvrpcpb::RawBatchScanResponse* response) const {
  const RangeReader reader(on_.engine, on_.codec);
  RETURN_IF_ERROR(permit.CheckAfterRead());
  uint64_t left = limits_.max_scan_bytes;
  for (const kvrpcpb::KeyRange& range : request.ranges()) {
    const int before = response->kvs_size();
    const KeyRange asked = request.reverse()
                               ? on_.codec->EncodeRange(range.end_key(), range.start_key())
                               : on_.codec->EncodeRange(range.start_key(), range.end_key());
    RETURN_IF_ERROR(reader.Scan(permit.view->region.Clip(asked),
                                {.limit = request.each_limit(),
                                 .key_only = request.key_only(),
                                 .reverse = request.reverse(),
                                 .now_ms = on_.clock->WallMillis(),
                                 .max_bytes = left},
                                response->mutable_kvs()));
    for (int i = before; i < response->kvs_size(); ++i) {
      left -= std::min<uint64_t>(left, response->kvs(i).ByteSizeLong());
    }
  }
  return absl::OkStatus();
}

void KvApi::RawBatchScan(const kvrpcpb::RawBatchScanRequest& request,
                         kvrpcpb::RawBatchScanResponse* response, rpc::Done done) {
  if (!Begin(request, response, done)) return;
  for (const kvrpcpb::KeyRange& range : request.ranges()) {
    const std::string& lower = request.reverse() ? range.end_key() : range.start_key();
    const std::string& upper = request.reverse() ? range.start_key() : range.end_key();
    if (auto status = on_.codec->CheckRawRange(request.context(), lower, upper); !status.ok()) {
      return Reply(status, response, std::move(done));
    }
  }
  Read(request, response, /*heavy=*/true, std::move(done),
       [this, &request, response](const ReadPermit& permit) {
         return BatchScan(permit, request, response);
       });
}

void KvApi::RawChecksum(const kvrpcpb::RawChecksumRequest& request,
                        kvrpcpb::RawChecksumResponse* response, rpc::Done done) {
  if (!Begin(request, response, done)) return;
  if (request.algorithm() != kvrpcpb::Crc64_Xor) {
    return Reply(absl::InvalidArgumentError(
                     absl::StrCat("UnknownAlgorithm: checksum algorithm ", request.algorithm())),
                 response, std::move(done));
  }
  for (const kvrpcpb::KeyRange& range : request.ranges()) {
    if (auto status =
            on_.codec->CheckRawRange(request.context(), range.start_key(), range.end_key());
        !status.ok()) {
      return Reply(status, response, std::move(done));
    }
  }
  Read(request, response, /*heavy=*/true, std::move(done),
       [this, &request, response](const ReadPermit& permit) -> absl::Status {
         const RangeReader reader(on_.engine, on_.codec);
         RETURN_IF_ERROR(permit.CheckAfterRead());
         ChecksumTotals totals;
         for (const kvrpcpb::KeyRange& range : request.ranges()) {
           const KeyRange asked = on_.codec->EncodeRange(range.start_key(), range.end_key());
           RETURN_IF_ERROR(
               reader.Checksum(permit.view->region.Clip(asked), on_.clock->WallMillis(), totals));
         }
         response->set_checksum(totals.checksum);
         response->set_total_kvs(totals.total_kvs);
         response->set_total_bytes(totals.total_bytes);
         return absl::OkStatus();
       });
}

// --- Writes -------------------------------------------------------------------------------------

void KvApi::RawPut(const kvrpcpb::RawPutRequest& request, kvrpcpb::RawPutResponse* response,
                   rpc::Done done) {
  if (!Begin(request, response, done)) return;
  Write(request, response, Growth::kGrows, CommandBytes(*on_.codec, request.key(), request.value()),
        std::move(done),
        [this, &request](const Region& region, WriteCommand& command) -> absl::Status {
          RETURN_IF_ERROR(on_.codec->CheckRawKey(request.context(), request.key()));
          ASSIGN_OR_RETURN(const uint64_t expiry, ExpiryOf(request.ttl(), on_.clock->WallMillis()));
          return region.CheckKey(command.Put(*on_.codec, request.key(), request.value(), expiry));
        });
}

void KvApi::RawBatchPut(const kvrpcpb::RawBatchPutRequest& request,
                        kvrpcpb::RawBatchPutResponse* response, rpc::Done done) {
  if (!Begin(request, response, done)) return;
  size_t bytes = 0;
  for (const auto& pair : request.pairs()) {
    bytes += CommandBytes(*on_.codec, pair.key(), pair.value());
  }
  Write(request, response, Growth::kGrows, bytes, std::move(done),
        [this, &request](const Region& region, WriteCommand& command) -> absl::Status {
          const int64_t now_ms = on_.clock->WallMillis();
          for (int i = 0; i < request.pairs_size(); ++i) {
            const auto& pair = request.pairs(i);
            RETURN_IF_ERROR(on_.codec->CheckRawKey(request.context(), pair.key()));
            ASSIGN_OR_RETURN(const uint64_t ttl, TtlOf(request, i));
            ASSIGN_OR_RETURN(const uint64_t expiry, ExpiryOf(ttl, now_ms));
            RETURN_IF_ERROR(
                region.CheckKey(command.Put(*on_.codec, pair.key(), pair.value(), expiry)));
          }
          return absl::OkStatus();
        });
}

void KvApi::RawDelete(const kvrpcpb::RawDeleteRequest& request,
                      kvrpcpb::RawDeleteResponse* response, rpc::Done done) {
  if (!Begin(request, response, done)) return;
  Write(request, response, Growth::kShrinks, CommandBytes(*on_.codec, request.key(), {}),
        std::move(done),
        [this, &request](const Region& region, WriteCommand& command) -> absl::Status {
          RETURN_IF_ERROR(on_.codec->CheckRawKey(request.context(), request.key()));
          return region.CheckKey(command.Delete(*on_.codec, request.key()));
        });
}

void KvApi::RawBatchDelete(const kvrpcpb::RawBatchDeleteRequest& request,
                           kvrpcpb::RawBatchDeleteResponse* response, rpc::Done done) {
  if (!Begin(request, response, done)) return;
  size_t bytes = 0;
  for (const std::string& key : request.keys()) bytes += CommandBytes(*on_.codec, key, {});
  Write(request, response, Growth::kShrinks, bytes, std::move(done),
        [this, &request](const Region& region, WriteCommand& command) -> absl::Status {
          for (const std::string& key : request.keys()) {
            RETURN_IF_ERROR(on_.codec->CheckRawKey(request.context(), key));
            RETURN_IF_ERROR(region.CheckKey(command.Delete(*on_.codec, key)));
          }
          return absl::OkStatus();
        });
}

void KvApi::RawDeleteRange(const kvrpcpb::RawDeleteRangeRequest& request,
                           kvrpcpb::RawDeleteRangeResponse* response, rpc::Done done) {
  if (!Begin(request, response, done)) return;
  Write(request, response, Growth::kShrinks, 2 * kMaxKeyBytes, std::move(done),
        [this, &request](const Region& region, WriteCommand& command) -> absl::Status {
          RETURN_IF_ERROR(
              on_.codec->CheckRawRange(request.context(), request.start_key(), request.end_key()));
          const KeyRange range = on_.codec->EncodeRange(request.start_key(), request.end_key());
          RETURN_IF_ERROR(region.CheckRange(range));
          if (!range.IsEmpty()) command.DeleteRange(range);
          return absl::OkStatus();
        });
}

void KvApi::RawCompareAndSwap(const kvrpcpb::RawCASRequest& request,
                              kvrpcpb::RawCASResponse* response, rpc::Done done) {
  if (!Begin(request, response, done)) return;
  const int64_t now_ms = on_.clock->WallMillis();
  const auto view = on_.reader->Admit(request.context());
  const auto expiry = ExpiryOf(request.ttl(), now_ms);
  const std::string key = on_.codec->Encode(request.key());
  absl::Status status = view.status();
  if (status.ok()) status = on_.codec->CheckRawKey(request.context(), request.key());
  if (status.ok()) status = expiry.status();
  if (status.ok()) status = (*view)->region.CheckKey(key);
  if (status.ok() && !request.delete_()) status = on_.room->CheckGrowth((*view)->region);
  if (!status.ok()) return Reply(status, response, std::move(done));

  std::string replacement;
  if (!request.delete_()) AppendStoredValue(request.value(), *expiry, replacement);
  std::string command = EncodeCompareAndSwap((*view)->region.version(),
                                             {.key = key,
                                              .expected = request.previous_value(),
                                              .expect_absent = request.previous_not_exist(),
                                              .remove = request.delete_(),
                                              .replacement = replacement,
                                              .now_ms = static_cast<uint64_t>(now_ms)});
  Propose(request.context(), **view, std::move(command), /*own_entry=*/true, response,
          std::move(done), [response](const multiraft::Applied& applied) {
            const auto outcome = DecodeOutcome(applied.payload);
            CHECK_OK(outcome.status());
            response->set_succeed(outcome->swapped);
            response->set_previous_not_exist(!outcome->existed);
            response->set_previous_value(std::string(outcome->previous));
          });
}

// --- The rest -----------------------------------------------------------------------------------

void KvApi::SplitRegion(const kvrpcpb::SplitRegionRequest& request,
                        kvrpcpb::SplitRegionResponse* response, rpc::Done done) {
  if (!Begin(request, response, done)) return;
  auto view = on_.reader->Admit(request.context());
  if (!view.ok()) return Reply(view.status(), response, std::move(done));
  std::vector<std::string> keys;
  for (const std::string& key : request.split_keys()) keys.push_back(on_.codec->Encode(key));
  if (keys.empty()) keys.push_back(on_.codec->Encode(request.split_key()));
  on_.splitter->Split(*std::move(view), std::move(keys),
                      [response, done = std::move(done)](
                          absl::StatusOr<std::vector<metapb::Region>> regions) mutable {
                        if (!regions.ok())
                          return Reply(regions.status(), response, std::move(done));
                        for (const metapb::Region& region : *regions)
                          *response->add_regions() = region;
                        *response->mutable_left() = regions->front();
                        *response->mutable_right() = regions->back();
                        std::move(done)(absl::OkStatus());
                      });
}

void KvApi::GetHealthFeedback(const kvrpcpb::GetHealthFeedbackRequest& request,
                              kvrpcpb::GetHealthFeedbackResponse* response, rpc::Done done) {
  if (!Begin(request, response, done)) return;
  kvrpcpb::HealthFeedback* feedback = response->mutable_health_feedback();
  feedback->set_store_id(on_.store_id.value());
  feedback->set_feedback_seq_no(feedback_seq_.fetch_add(1) + 1);
  feedback->set_slow_score(static_cast<int32_t>(on_.slow_score()));
  std::move(done)(absl::OkStatus());
}

void KvApi::UnsafeDestroyRange(const kvrpcpb::UnsafeDestroyRangeRequest& request,
                               kvrpcpb::UnsafeDestroyRangeResponse* response, rpc::Done done) {
  if (!Begin(request, response, done)) return;
  const KeyRange range = on_.codec->EncodeRange(request.start_key(), request.end_key());
  if (!range.end.empty() && range.end < range.start) {
    return Reply(absl::InvalidArgumentError("InvalidRange: the end lies before the start"),
                 response, std::move(done));
  }
  auto work = [this, range, response, done = std::move(done)](absl::Status status) mutable {
    if (status.ok() && !range.IsEmpty()) {
      const auto batch = on_.engine->NewBatch();
      DeleteData(*batch, range);
      CHECK_OK(on_.engine->Write(*batch));
      // Replays of the log start behind a flush, so they do not bring the keys back.
      CHECK_OK(on_.engine->Flush());
    }
    Reply(status, response, std::move(done));
  };
  on_.executor->Run(on_.reader->DeadlineOf(request.context()), std::move(work));
}

}  // namespace flotilla::store
