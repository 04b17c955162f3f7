#include "store/registration.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/checksum.h"
#include "common/base/coding.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "store/ask_pd.h"

namespace flotilla::store {
namespace {

using registry::v1::RegisterRequest;
using registry::v1::RegisterResponse;
using registry::v1::StoreMemory;

constexpr char kGenerationFile[] = "GENERATION";
constexpr std::string_view kMagic = "flotilla-generation 1\n";
constexpr uint64_t kMaxFileBytes = 4096;
// Longer than PD takes to believe that a store has left its address.
constexpr int kMoveAttempts = 125;

constexpr char kWayOut[] =
    "What it has forgotten it may have promised to others, so that it must neither vote nor serve. "
    "Put back what was there last, from the same disk; or declare the store lost (flotilla store "
    "declare-lost) and start a new store with an empty directory: PD then makes the lost replicas "
    "anew (docs/operations.md, \"Old copies of data\")";

std::string PathIn(const std::string& dir) { return absl::StrCat(dir, "/", kGenerationFile); }

absl::Status WriteGeneration(const StartingData& data, const Generation& generation) {
  std::string out(kMagic);
  PutBigEndian64(out, generation.number);
  PutBigEndian64(out, generation.nonce);
  PutBigEndian64(out, Xxh3(out));
  return env::WriteFileAtomically(*data.files, PathIn(data.dir), out);
}

// Was the store refused because PD hears of it at another address?
bool IsElsewhere(pdclient::PdClient& pd, const metapb::Store& self, const absl::Status& refusal) {
  if (!absl::IsAlreadyExists(refusal)) return false;
  const auto known = AskUntilAnswered<absl::StatusOr<metapb::Store>>(
      "where this store was", [&](auto done) { pd.GetStore(StoreId(self.id()), std::move(done)); });
  return known.ok() && known->address() != self.address();
}

absl::StatusOr<RegisterResponse> Tell(pdclient::PdClient& pd, const RegisterRequest& start) {
  absl::StatusOr<RegisterResponse> answer;
  for (int attempt = 0; attempt < kMoveAttempts; ++attempt) {
    answer = AskUntilAnswered<absl::StatusOr<RegisterResponse>>(
        "registering the store", [&](auto done) { pd.RegisterStore(start, std::move(done)); });
    if (answer.ok() || !IsElsewhere(pd, start.store(), answer.status())) break;
    if (attempt == 0) {
      LOG_WARN("waiting for PD to let this store move: {}", answer.status().ToString());
    }
    PauseBetweenQuestions();
  }
  return answer;
}

absl::Status OlderCopy(const StartingData& data, const RegisterRequest& start,
                       const StoreMemory& known) {
  if (start.generation() > known.generation()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "store ", start.store().id(), " in ", data.dir, " was started ", start.generation(),
        " times, PD remembers ", known.generation(),
        " starts: PD's members have older copies of their data. Put back what they had last"));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "data directory ", data.dir, " of store ", start.store().id(),
      " is an older copy of itself, or its disk has lost what was synced: it knows ",
      start.generation(), " starts and its log has come to position ", start.position(),
      "; PD knows ", known.generation(), " starts and position ", known.position(), ". ", kWayOut));
}

// Tells PD of the start that `generation` has a nonce for, and makes it durable that PD took it.
absl::Status Begin(const StartingData& data, pdclient::PdClient& pd, const metapb::Store& self,
                   Generation& generation) {
  RegisterRequest start;
  *start.mutable_store() = self;
  start.set_generation(generation.number);
  start.set_nonce(generation.nonce);
  start.set_position(data.position);
  const absl::StatusOr<RegisterResponse> answer = Tell(pd, start);
  if (!answer.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "PD refuses store ", self.id(), " at ", self.address(), ": ", answer.status().ToString()));
  }
  if (answer->generation() == 0) return OlderCopy(data, start, answer->remembered());
  generation = {answer->generation(), 0};
  return WriteGeneration(data, generation);
}

}  // namespace

absl::StatusOr<Generation> ReadGeneration(const env::FileSystem& files, const std::string& dir) {
  const std::string path = PathIn(dir);
  if (!files.Exists(path)) return Generation();
  ASSIGN_OR_RETURN(const std::string data, env::ReadFile(files, path, kMaxFileBytes));
  constexpr size_t kBodyBytes = kMagic.size() + 16;
  Generation generation;
  uint64_t checksum = 0;
  std::string_view rest = data;
  if (rest.substr(0, kMagic.size()) == kMagic && data.size() == kBodyBytes + 8) {
    rest.remove_prefix(kMagic.size());
    GetBigEndian64(rest, generation.number);
    GetBigEndian64(rest, generation.nonce);
    GetBigEndian64(rest, checksum);
    if (checksum == Xxh3(std::string_view(data).substr(0, kBodyBytes))) return generation;
  }
  return absl::DataLossError(absl::StrCat(path, " does not match its checksum"));
}

absl::StatusOr<uint64_t> RegisterStore(const StartingData& data, pdclient::PdClient& pd,
                                       const metapb::Store& self, env::Random random) {
  ASSIGN_OR_RETURN(Generation generation, ReadGeneration(*data.files, data.dir));
  // An earlier start ended before it heard of PD, or could write that it did.
  if (generation.nonce != 0) RETURN_IF_ERROR(Begin(data, pd, self, generation));
  generation.nonce = std::max<uint64_t>(1, random.Next());
  RETURN_IF_ERROR(WriteGeneration(data, generation));
  RETURN_IF_ERROR(Begin(data, pd, self, generation));
  return generation.number;
}

}  // namespace flotilla::store
