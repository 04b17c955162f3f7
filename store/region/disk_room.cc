#include "store/region/disk_room.h"

#include <optional>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/errors/region_error.h"

namespace flotilla::store {

DiskRoom::DiskRoom(StoreId self, const disk::DiskReserve* reserve, metrics::Registry* metrics)
    : self_(self),
      reserve_(reserve),
      refused_(metrics->AddCounter("flotilla_store_disk_full_refused_total",
                                   "Writes refused because a disk is full")) {}

absl::Status DiskRoom::CheckGrowth(const Region& region) {
  if (IsFull()) [[unlikely]] {
    refused_.Increment();
    return errors::DiskFull(
        self_, absl::StrCat("store ", self_.value(),
                            " has less free than storage.reserve: delete something, add a store, "
                            "or enlarge the disk"));
  }
  if (!others_full_.load(std::memory_order_relaxed)) [[likely]]
    return absl::OkStatus();
  int voters = 0;
  int full_voters = 0;
  std::optional<StoreId> full;
  MutexLock lock(mutex_);
  for (const metapb::Peer& peer : region.meta().peers()) {
    if (peer.role() == metapb::Learner) continue;
    ++voters;
    if (!full_.contains(StoreId(peer.store_id()))) continue;
    ++full_voters;
    full = StoreId(peer.store_id());
  }
  if ((voters - full_voters) * 2 > voters) return absl::OkStatus();
  refused_.Increment();
  return errors::DiskFull(*full,
                          absl::StrCat("no majority of region ", region.id().value(),
                                       "'s stores has room; store ", full->value(), " has none"));
}

bool DiskRoom::Drops(const raft::MessageBody& body) const {
  if (reserve_->level() != disk::DiskLevel::kCritical) [[likely]]
    return false;
  const auto* append = std::get_if<raft::AppendRequest>(&body);
  return append != nullptr && !append->entries.empty();
}

void DiskRoom::Note(StoreId store, bool full) {
  MutexLock lock(mutex_);
  const bool changed = full ? full_.insert(store).second : full_.erase(store) > 0;
  others_full_.store(!full_.empty(), std::memory_order_relaxed);
  if (changed) LOG_WARN("the disk of store {} {}", store, full ? "is full" : "has room again");
}

}  // namespace flotilla::store
