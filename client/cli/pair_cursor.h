// Reads a range of any size page by page, so that it need not fit in memory.
#ifndef FLOTILLA_CLIENT_CLI_PAIR_CURSOR_H_
#define FLOTILLA_CLIENT_CLI_PAIR_CURSOR_H_

#include <utility>

#include "absl/status/statusor.h"
#include "flotilla/client/raw_client.h"

namespace flotilla::cli {

// Not thread-safe.
class PairCursor {
 public:
  static constexpr uint64_t kPageRows = 1024;

  // `client` must outlive it.
  PairCursor(client::RawClient* client, client::Range range)
      : client_(client), range_(std::move(range)) {}

  // The next pairs in key order; none at the end.
  absl::StatusOr<client::RawClient::Pairs> NextPage() {
    if (at_end_) return client::RawClient::Pairs();
    absl::StatusOr<client::RawClient::Pairs> pairs = client_->Scan(range_, {.limit = kPageRows});
    if (!pairs.ok()) return pairs;
    at_end_ = pairs->size() < kPageRows;
    if (!pairs->empty()) range_.start = pairs->back().key + '\0';
    return pairs;
  }

 private:
  client::RawClient* const client_;
  client::Range range_;
  bool at_end_ = false;
};

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_PAIR_CURSOR_H_
