// Reads a range of any size, with several scans under way at a time: each in another one of the
// parts into which the caller has cut it, at the borders of regions.
//
// Memory is bounded: a page is of about a mebibyte, and what lies ahead of the reader pauses while
// too much waits to be taken.
#ifndef FLOTILLA_CLIENT_CLI_RANGE_READER_H_
#define FLOTILLA_CLIENT_CLI_RANGE_READER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/admin.h"
#include "common/base/mutex.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::cli {

// The parts of `range` between the borders of its regions.
absl::StatusOr<std::vector<client::Range>> CutByRegions(client::RegionAdmin& regions,
                                                        const client::Range& range);

// Used by one thread; answers come on the client's.
class RangeReader {
 public:
  using Pairs = client::RawClient::Pairs;

  enum class Order {
    kByKey,
    kAny,  // As the pages come: nothing waits for the slowest part.
  };
  struct Options {
    Order order = Order::kByKey;
    size_t scans = 8;
    size_t buffer_bytes = 64 << 20;
  };

  // `parts` are in order and do not overlap. `client` must outlive the reader.
  RangeReader(client::RawClient* client, std::vector<client::Range> parts, Options options);
  // Waits for the scans under way.
  ~RangeReader();
  RangeReader(const RangeReader&) = delete;
  RangeReader& operator=(const RangeReader&) = delete;

  // The next pairs; none at the end. After an error there is nothing more to be had.
  absl::StatusOr<Pairs> NextPage();

  // The most bytes of keys and values that waited to be taken at a time.
  size_t peak_bytes() const;

 private:
  struct Page {
    Pairs pairs;
    size_t bytes = 0;
  };
  struct Part {
    client::Range rest;  // What was not read yet.
    std::deque<Page> pages;
    // Nothing is known of the rows at first: so few do not take much whatever their size.
    uint64_t next_rows = 16;
    bool is_begun = false;
    bool is_scanning = false;
    bool is_read = false;  // To its end.
  };
  struct Scan {
    Part* part;
    client::Range range;
    uint64_t rows;
  };

  std::vector<Scan> TakeScans() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropFinished() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Null when none waits that may be taken now.
  Part* PartToTake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnPage(const Scan& scan, absl::StatusOr<Pairs> pairs);

  client::RawClient* const client_;
  const Options options_;

  mutable Mutex mutex_;
  CondVar answered_;
  // Without those that were taken to their end.
  std::list<Part> parts_ ABSL_GUARDED_BY(mutex_);
  size_t scans_under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t buffered_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t peak_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_RANGE_READER_H_
