// A member's part in the founding of its cluster: it asks the others what they remember, answers
// them, and says when this member may take part in Raft, or that it must not
// (pd/founding/founding_record.h).
//
// Thread-safe. Files are written on the loop's thread, three times in a member's life.
#ifndef FLOTILLA_PD_FOUNDING_FOUNDING_H_
#define FLOTILLA_PD_FOUNDING_FOUNDING_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/env/file_system.h"
#include "common/env/random.h"
#include "common/rpc/channel.h"
#include "common/rpc/done.h"
#include "common/rpc/event_loop.h"
#include "common/rpc/method_binder.h"
#include "flotilla/founding.pb.h"
#include "pd/founding/founding_record.h"

namespace flotilla::pd {

class Founding : public std::enable_shared_from_this<Founding> {
 public:
  static constexpr env::Duration kAskInterval = std::chrono::milliseconds(200);

  // What is pointed to must outlive the founding, and it all callbacks of the loop.
  struct Parts {
    const MemberList* members = nullptr;
    env::FileSystem* files = nullptr;
    // Of the member's data, where the record is.
    std::string dir;
    rpc::EventLoop* loop = nullptr;
    rpc::ChannelPool* pool = nullptr;
    // As far as this member knows; 0: not yet.
    std::function<uint64_t()> cluster_id = [] { return uint64_t{0}; };
  };
  // OK: the member may take part. FailedPrecondition: it must not, because its directory was
  // emptied. Anything else: the record could not be written.
  using OnEnd = absl::AnyInvocable<void(absl::Status) &&>;

  // Reads the directory's record, or makes it. `holds_data`: the directory has a Raft log; without
  // a record it is from before there were any, and takes part. A member that is alone always does.
  static absl::StatusOr<std::shared_ptr<Founding>> Open(Parts parts, bool holds_data,
                                                        env::Random random);

  void Bind(rpc::MethodBinder& binder);
  // Asks until it is decided. `on_end` is called once: at once if the member takes part already,
  // or on the loop's thread. May not be called any more when the loop stops.
  void Begin(OnEnd on_end);

  // What another member asks.
  void Meet(const founding::v1::MeetRequest& request, founding::v1::MeetResponse* response,
            rpc::Done done);

 private:
  Founding(Parts parts, FoundingRecord record)
      : parts_(std::move(parts)), record_(std::move(record)) {}

  // Everybody who is not being asked, and again after a while.
  void AskAll();
  void Ask(const Member& member);
  void OnAnswer(const std::string& member, absl::StatusOr<founding::v1::MeetResponse> answer);
  // Does what follows from what was heard. Returns how it ended, or Unavailable: not yet.
  absl::Status Proceed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Save(const FoundingRecord& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LogWait();

  const Parts parts_;
  Mutex mutex_;
  FoundingRecord record_ ABSL_GUARDED_BY(mutex_);  // As it is on disk.
  std::map<std::string, Heard> heard_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> unheard_ ABSL_GUARDED_BY(mutex_);  // Names and errors.
  std::set<std::string> asked_ ABSL_GUARDED_BY(mutex_);  // Whose answers are to come.
  OnEnd on_end_ ABSL_GUARDED_BY(mutex_);
  int rounds_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_FOUNDING_FOUNDING_H_
