#include "tests/raft/sim/host.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/coding.h"

namespace flotilla::raft::sim {

Snapshot ToSnapshot(const AppState& state) {
  std::string data;
  PutBigEndian64(data, state.hash);
  return {.meta = {.index = state.at.index, .term = state.at.term, .conf_state = state.conf},
          .data = Bytes(std::move(data))};
}

AppState FromSnapshot(const Snapshot& snapshot) {
  AppState state{
      .at = {snapshot.meta.term, snapshot.meta.index}, .hash = 0, .conf = snapshot.meta.conf_state};
  std::string_view data = snapshot.data.view();
  CHECK(GetBigEndian64(data, state.hash));
  return state;
}

Host::Host(PeerId peer)
    : id(peer), log([this](PeerId, Index min_index) -> absl::StatusOr<Snapshot> {
        if (snapshot_unavailable || app.at.index < min_index) {
          return absl::UnavailableError("being made");
        }
        return ToSnapshot(app);
      }) {}

void Host::Persist(const LogAppend& append) {
  if (append.snapshot.has_value()) {
    CHECK_OK(log.Restore(append.snapshot->meta));
    // The received state becomes ours together with the log that begins after it.
    flushed = FromSnapshot(*append.snapshot);
    app = flushed;
  }
  log.Append(append.entries);
  if (append.hard_state.has_value()) hard_state = *append.hard_state;
}

void Host::Crash() {
  raw.reset();
  writing.clear();
  acks.clear();
  applying.clear();
  reads.clear();
  round_began.clear();
  drive_pending = false;
  lease_until = 0;
  disk_free_at = ack_free_at = apply_free_at = 0;
  app = flushed;
  ++incarnation;
}

}  // namespace flotilla::raft::sim
