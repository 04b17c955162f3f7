#include "client/cli/range_reader.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "common/base/status_macros.h"

namespace flotilla::cli {
namespace {

constexpr uint64_t kMaxPageRows = 1024;
constexpr size_t kPageBytes = 1 << 20;
// A few small rows must not make the next page huge.
constexpr uint64_t kMaxGrowth = 8;

// For the page after one of so many rows and bytes.
uint64_t RowsOfPage(uint64_t rows, uint64_t bytes) {
  const uint64_t fitting = kPageBytes * rows / std::max<uint64_t>(bytes, 1);
  return std::clamp<uint64_t>(std::min(fitting, rows * kMaxGrowth), 1, kMaxPageRows);
}

}  // namespace

absl::StatusOr<std::vector<client::Range>> CutByRegions(client::RegionAdmin& regions,
                                                        const client::Range& range) {
  std::vector<client::Range> parts;
  client::Range rest = range;
  ASSIGN_OR_RETURN(std::vector<std::string> borders, regions.BordersIn({range.start, range.end}));
  for (std::string& border : borders) {
    parts.push_back({std::move(rest.start), border});
    rest.start = std::move(border);
  }
  parts.push_back(std::move(rest));
  return parts;
}

RangeReader::RangeReader(client::RawClient* client, std::vector<client::Range> parts,
                         Options options)
    : client_(client), options_(options) {
  MutexLock lock(mutex_);
  for (client::Range& range : parts) parts_.emplace_back().rest = std::move(range);
}

RangeReader::~RangeReader() {
  MutexLock lock(mutex_);
  while (scans_under_way_ > 0) answered_.Wait(mutex_);
}

size_t RangeReader::peak_bytes() const {
  MutexLock lock(mutex_);
  return peak_bytes_;
}

absl::StatusOr<RangeReader::Pairs> RangeReader::NextPage() {
  while (true) {
    std::vector<Scan> scans;
    {
      MutexLock lock(mutex_);
      while (true) {
        if (!status_.ok()) return status_;
        // First of all, for only the first part goes on whatever waits.
        DropFinished();
        // Scans go on while the caller works on what it takes.
        scans = TakeScans();
        if (!scans.empty()) break;
        if (Part* part = PartToTake()) {
          Page page = std::move(part->pages.front());
          part->pages.pop_front();
          buffered_bytes_ -= page.bytes;
          return std::move(page.pairs);
        }
        if (parts_.empty()) return Pairs();
        answered_.Wait(mutex_);
      }
    }
    // Not under the lock: an answer may come before ScanAsync returns.
    for (Scan& scan : scans) {
      client_->ScanAsync(
          scan.range, {.limit = scan.rows},
          [this, scan](absl::StatusOr<Pairs> pairs) { OnPage(scan, std::move(pairs)); });
    }
  }
}

std::vector<RangeReader::Scan> RangeReader::TakeScans() {
  std::vector<Scan> scans;
  for (Part& part : parts_) {
    if (scans_under_way_ >= options_.scans) break;
    if (part.is_read || part.is_scanning) continue;
    const size_t expected_bytes = buffered_bytes_ + (scans_under_way_ + 1) * kPageBytes;
    // What is waited for goes on always.
    const bool is_awaited = &part == &parts_.front() && part.pages.empty();
    if (expected_bytes > options_.buffer_bytes && !is_awaited) break;
    part.is_begun = part.is_scanning = true;
    ++scans_under_way_;
    scans.push_back({&part, part.rest, part.next_rows});
  }
  return scans;
}

void RangeReader::DropFinished() {
  for (auto it = parts_.begin(); it != parts_.end() && it->is_begun;) {
    it = it->is_read && it->pages.empty() ? parts_.erase(it) : std::next(it);
  }
}

RangeReader::Part* RangeReader::PartToTake() {
  for (Part& part : parts_) {
    if (!part.pages.empty()) return &part;
    if (!part.is_begun || options_.order == Order::kByKey) return nullptr;
  }
  return nullptr;
}

void RangeReader::OnPage(const Scan& scan, absl::StatusOr<Pairs> pairs) {
  MutexLock lock(mutex_);
  Part& part = *scan.part;
  part.is_scanning = false;
  --scans_under_way_;
  // Under the lock: the reader may be destroyed as soon as nothing is under way.
  answered_.NotifyAll();
  if (!pairs.ok()) {
    status_.Update(pairs.status());
    return;
  }
  part.is_read = pairs->size() < scan.rows;
  if (pairs->empty()) return;
  part.rest.start = pairs->back().key + '\0';
  Page page;
  for (const client::KeyValue& pair : *pairs) page.bytes += pair.key.size() + pair.value.size();
  part.next_rows = RowsOfPage(pairs->size(), page.bytes);
  page.pairs = *std::move(pairs);
  buffered_bytes_ += page.bytes;
  peak_bytes_ = std::max(peak_bytes_, buffered_bytes_);
  part.pages.push_back(std::move(page));
}

}  // namespace flotilla::cli
