// Linearizable reads on the thread of the request: no hop while this peer holds the leader's lease
// (thesis 6.4.1), a ReadIndex through the group otherwise. docs/read_path.md tells it as a story.
//
// Thread-safe.
#ifndef FLOTILLA_STORE_KV_LOCAL_READER_H_
#define FLOTILLA_STORE_KV_LOCAL_READER_H_

#include <cstdint>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/env/clock.h"
#include "store/kv/replicator.h"
#include "store/region/region_index.h"
#include "tikv/kvrpcpb.pb.h"

namespace flotilla::store {

// What is in the engine now may be answered for the region of `view`, if the permit still holds
// after it was read.
struct ReadPermit {
  RegionViewPtr view;
  uint64_t generation = 0;

  // EpochNotMatch when the data were taken away or replaced meanwhile.
  absl::Status CheckAfterRead() const;
};

class LocalReader {
 public:
  // All must outlive the reader.
  LocalReader(StoreId store_id, const RegionIndex* index, Replicator* replicator,
              const env::Clock* clock);

  // The region that the request is for, if the request fits it: StoreNotMatch, RegionNotFound,
  // MismatchPeerId, StaleCommand, EpochNotMatch otherwise.
  absl::StatusOr<RegionViewPtr> Admit(const kvrpcpb::Context& context) const;
  // How long the request's client waits, and when that is over.
  static env::Duration TimeOf(const kvrpcpb::Context& context);
  env::Instant DeadlineOf(const kvrpcpb::Context& context) const;

  // Calls `serve(absl::StatusOr<ReadPermit>)` exactly once: at once and on this thread under the
  // lease, else later on a raft or apply worker's, which it must not block. `context` must live
  // until then.
  template <typename Serve>
  void Read(const kvrpcpb::Context& context, Serve serve) {
    absl::StatusOr<RegionViewPtr> view = Admit(context);
    if (!view.ok()) [[unlikely]] {
      serve(std::move(view).status());
      return;
    }
    const PublishedPeer& peer = *(*view)->peer;
    const uint64_t generation = peer.generation.load();
    if (!context.stale_read() && peer.lease.ValidAt(clock_->Now()) && IsSettled(**view))
        [[likely]] {
      serve(ReadPermit{*std::move(view), generation});
      return;
    }
    AskGroup(context, *std::move(view), std::move(serve));
  }

 private:
  using ServeLater = absl::AnyInvocable<void(absl::StatusOr<ReadPermit>) &&>;

  // The view is of the version that the engine holds.
  static bool IsSettled(const RegionView& view);
  void AskGroup(const kvrpcpb::Context& context, RegionViewPtr view, ServeLater serve);
  // A read behind all that was proposed before: for the short time of a split.
  void ReadBehindProposals(const kvrpcpb::Context& context, RegionViewPtr view, ServeLater serve);
  absl::StatusOr<ReadPermit> PermitNow(const kvrpcpb::Context& context) const;

  const StoreId store_id_;
  const RegionIndex* const index_;
  Replicator* const replicator_;
  const env::Clock* const clock_;
};

}  // namespace flotilla::store

#endif  // FLOTILLA_STORE_KV_LOCAL_READER_H_
