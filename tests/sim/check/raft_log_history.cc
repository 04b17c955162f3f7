#include "tests/sim/check/raft_log_history.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <set>
#include <variant>

#include "common/base/check.h"
#include "common/base/checksum.h"
#include "store/region/install_record.h"
#include "store/region/region_storage.h"

namespace flotilla::sim {
namespace {

// What the log writer had in its hands when the tombstone was written.
constexpr env::Duration kLastWords = std::chrono::milliseconds(100);

bool IsPromise(const raft::MessageBody& body) {
  if (const auto* vote = std::get_if<raft::VoteResponse>(&body)) return !vote->rejected;
  return std::holds_alternative<raft::AppendResponse>(body);
}

}  // namespace

void RaftLogHistory::OnWritten(StoreId store, const raftlog::LogBatch& written,
                               const raftlog::LogEngine& log) {
  for (const raftlog::LogChange& change : written.changes) {
    Region& region = regions_[change.region_id];
    if (change.clear || change.reset_to) region.looked_at.erase(store);
    for (const auto& [name, value] : change.records) {
      if (name != store::kTombstoneRecord || value.empty()) continue;
      const auto tombstone = store::DecodeRegionState(value);
      CHECK_OK(tombstone.status());
      region.removed.emplace(tombstone->peer_id, clock_->Now());
    }
    if (change.hard_state) CheckCommits(store, change, log);
  }
  // Of each region the newest: what came before it may have been replaced by it already.
  std::set<RegionId> seen;
  for (auto change = written.changes.rbegin(); change != written.changes.rend(); ++change) {
    if (change->entries.empty() || !seen.insert(change->region_id).second) continue;
    CheckEntries(store, *change, log);
  }
}

void RaftLogHistory::CheckEntries(StoreId store, const raftlog::LogChange& change,
                                  const raftlog::LogEngine& log) {
  Region& region = regions_[change.region_id];
  // Truncated by the same batch.
  const auto before = log.TermAt(change.region_id, change.entries.front().index - 1);
  if (!before.ok()) return;
  Term previous = *before;
  for (const raft::Entry& entry : change.entries) {
    const raft::EntryId id{entry.term, entry.index};
    const Logged logged{previous, Xxh3(entry.data.view()) + static_cast<uint64_t>(entry.type)};
    const auto [known, is_new] = region.logged.emplace(id, logged);
    if (!is_new &&
        (known->second.previous != logged.previous || known->second.payload != logged.payload)) {
      violations_->Add(fmt::format(
          "log matching: entry {} of term {} of region {} is on store {} another one or follows "
          "another one",
          id.index, id.term, change.region_id, store));
    }
    if (entry.term > region.newest) CheckLeader(store, change.region_id, id, log);
    region.newest = std::max(region.newest, entry.term);
    previous = entry.term;
  }
}

void RaftLogHistory::CheckCommits(StoreId store, const raftlog::LogChange& change,
                                  const raftlog::LogEngine& log) {
  Region& region = regions_[change.region_id];
  Index& looked_at = region.looked_at[store];
  for (Index index = change.hard_state->commit; index > looked_at; --index) {
    const auto term = log.TermAt(change.region_id, index);
    if (!term.ok()) break;
    CheckCommit(store, change.region_id, {*term, index}, change.hard_state->term);
  }
  looked_at = std::max(looked_at, change.hard_state->commit);
}

void RaftLogHistory::CheckLeader(StoreId store, RegionId region, raft::EntryId entry,
                                 const raftlog::LogEngine& log) {
  for (const auto& [index, committed] : regions_[region].committed) {
    if (committed.known_in >= entry.term) continue;
    const auto term = log.TermAt(region, index);
    const bool is_missing = index >= entry.index || (term.ok() && *term != committed.term);
    if (!is_missing) continue;
    violations_->Add(fmt::format(
        "leader completeness: entry {} of region {} was committed in term {}, and the leader of "
        "term {} does not have it, nor has store {}",
        index, region, committed.term, entry.term, store));
    return;
  }
}

void RaftLogHistory::CheckCommit(StoreId store, RegionId region, raft::EntryId committed,
                                 Term known_in) {
  const auto [known, is_new] =
      regions_[region].committed.emplace(committed.index, Committed{committed.term, known_in});
  if (is_new || known->second.term == committed.term) return;
  violations_->Add(fmt::format(
      "state machine safety: entry {} of region {} is committed in term {}, on store {} in term {}",
      committed.index, region, known->second.term, store, committed.term));
}

void RaftLogHistory::OnApplied(StoreId store, RegionId region, raft::EntryId applied) {
  if (applied != raft::EntryId{}) CheckCommit(store, region, applied, Term(UINT64_MAX));
}

void RaftLogHistory::OnSend(const net::Envelope& envelope) {
  const auto region = regions_.find(envelope.region_id);
  if (region == regions_.end() || !IsPromise(envelope.message.body)) return;
  const auto removed = region->second.removed.find(envelope.message.from);
  if (removed == region->second.removed.end() || clock_->Now() <= removed->second + kLastWords) {
    return;
  }
  violations_->Add(fmt::format("tombstone: peer {} of region {} was removed and votes",
                               envelope.message.from, envelope.region_id));
}

}  // namespace flotilla::sim
