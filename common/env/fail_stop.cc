#include "common/env/fail_stop.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/log.h"

namespace flotilla::env {
namespace {

const char* WayOut(const absl::Status& why) {
  if (absl::IsResourceExhausted(why)) {
    return "Free some space and start it again: nothing that was acknowledged is lost";
  }
  if (absl::IsDataLoss(why)) {
    return "The data are damaged and other replicas are not: rebuild it, as docs/operations.md "
           "says under \"Damaged data\"";
  }
  if (absl::IsFailedPrecondition(why)) {
    return "Do as docs/operations.md says under \"Old copies of data\"";
  }
  return "Replace the disk, as docs/operations.md says under \"When a disk fails\"";
}

}  // namespace

void StopForDisk(FailStop* fail_stop, const absl::Status& why) {
  CHECK(fail_stop != nullptr) << "the disk cannot be trusted; stopping: " << why.ToString();
  fail_stop->OnDiskFailure(why);
}

void ExitOnDiskFailure::OnDiskFailure(const absl::Status& why) {
  MutexLock lock(mutex_);
  const std::string line = absl::StrCat(
      absl::IsFailedPrecondition(why) ? "the data under " : "the disk under ", data_dir_,
      " cannot be trusted, the process stops: ", why.ToString(), ". ", WayOut(why));
  LOG_ERROR("{}", line);
  if (to_stderr_) std::fprintf(stderr, "%s\n", line.c_str());
  base::FlushLogs();
  // No destructor runs: threads may be anywhere, and none of them may say another word.
  std::_Exit(kDiskFailureExitCode);
}

}  // namespace flotilla::env
