#include "pd/founding/founding.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/rpc/client_call.h"

namespace flotilla::pd {
namespace {

constexpr char kMethod[] = "flotilla.founding.v1.Founding/Meet";
constexpr uint64_t kMaxRecordBytes = 64 << 10;
constexpr env::Duration kAskTimeout = std::chrono::seconds(1);
constexpr int kRoundsPerLogLine = 25;

std::string PathIn(const std::string& dir) { return dir + "/FOUNDING"; }

std::vector<std::string> NamesOf(const MemberList& members) {
  std::vector<std::string> names;
  for (const Member& member : members.all()) names.push_back(member.name);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status Refusal(const MemberList& members, const std::string& dir, const std::string& why) {
  return absl::FailedPreconditionError(absl::StrCat(
      "member ", members.self().name, " in ", dir, ": ", why,
      ". Put its directory back as it was last, from the same disk. If it is lost, leave this "
      "member "
      "stopped, PD goes on with the others; if the cluster was never in use, empty the directories "
      "of all members (docs/operations.md, \"A PD member that lost its data\")"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<Founding>> Founding::Open(Parts parts, bool holds_data,
                                                         env::Random random) {
  FoundingRecord record;
  record.founded = true;
  const std::string path = PathIn(parts.dir);
  if (parts.files->Exists(path)) {
    ASSIGN_OR_RETURN(const std::string data, env::ReadFile(*parts.files, path, kMaxRecordBytes));
    ASSIGN_OR_RETURN(record, DecodeFounding(data));
  } else if (!holds_data && parts.members->all().size() > 1) {
    record.founded = false;
    record.nonce = std::max<uint64_t>(1, random.Next());
    RETURN_IF_ERROR(env::WriteFileAtomically(*parts.files, path, EncodeFounding(record)));
  }
  return std::shared_ptr<Founding>(new Founding(std::move(parts), std::move(record)));
}

void Founding::Bind(rpc::MethodBinder& binder) { binder.Bind(kMethod, &Founding::Meet, this); }

void Founding::Meet(const founding::v1::MeetRequest& request, founding::v1::MeetResponse* response,
                    rpc::Done done) {
  const std::vector<std::string> names = NamesOf(*parts_.members);
  if (!std::equal(names.begin(), names.end(), request.members().begin(), request.members().end())) {
    return std::move(done)(absl::FailedPreconditionError(absl::StrCat(
        "member ", request.from(), " is of ", absl::StrJoin(request.members(), ","), ", member ",
        parts_.members->self().name, " is of ", absl::StrJoin(names, ","))));
  }
  {
    MutexLock lock(mutex_);
    founding::v1::Record* const record = response->mutable_record();
    record->set_nonce(record_.nonce);
    for (const auto& [name, nonce] : record_.founders) (*record->mutable_founders())[name] = nonce;
    record->set_founded(record_.founded);
  }
  response->set_cluster_id(parts_.cluster_id());
  std::move(done)(absl::OkStatus());
}

void Founding::Begin(OnEnd on_end) {
  {
    MutexLock lock(mutex_);
    if (!record_.founded) on_end_ = std::move(on_end);
  }
  if (on_end) return std::move(on_end)(absl::OkStatus());
  LOG_INFO("asks the other members whether the cluster is new");
  parts_.loop->Post([self = shared_from_this()] { self->AskAll(); });
}

void Founding::AskAll() {
  std::vector<const Member*> to_ask;
  {
    MutexLock lock(mutex_);
    if (!on_end_) return;
    ++rounds_;
    for (const Member& member : parts_.members->all()) {
      if (&member == &parts_.members->self() || asked_.contains(member.name)) continue;
      asked_.insert(member.name);
      to_ask.push_back(&member);
    }
  }
  for (const Member* member : to_ask) Ask(*member);
  LogWait();
  if (parts_.loop->stopping()) return;
  parts_.loop->RunAfter(kAskInterval, [self = shared_from_this()] { self->AskAll(); });
}

void Founding::Ask(const Member& member) {
  founding::v1::MeetRequest request;
  request.set_from(parts_.members->self().name);
  for (const std::string& name : NamesOf(*parts_.members)) request.add_members(name);
  rpc::CallOptions options;
  options.timeout = kAskTimeout;
  rpc::CallUnary<founding::v1::MeetResponse>(
      parts_.loop, parts_.pool->Get(member.address), kMethod, request, options,
      [self = shared_from_this(),
       name = member.name](absl::StatusOr<founding::v1::MeetResponse> answer) {
        self->OnAnswer(name, std::move(answer));
      });
}

void Founding::OnAnswer(const std::string& member,
                        absl::StatusOr<founding::v1::MeetResponse> answer) {
  absl::Status status;
  OnEnd on_end;
  {
    MutexLock lock(mutex_);
    asked_.erase(member);
    if (!on_end_) return;
    if (!answer.ok()) {
      unheard_[member] = answer.status().ToString();
      return;
    }
    unheard_.erase(member);
    Heard& heard = heard_[member];
    heard.cluster_id = answer->cluster_id();
    heard.record = {answer->record().nonce(), {}, answer->record().founded()};
    for (const auto& [name, nonce] : answer->record().founders()) {
      heard.record.founders[name] = nonce;
    }
    status = Proceed();
    if (absl::IsUnavailable(status)) return;
    on_end = std::exchange(on_end_, nullptr);
  }
  std::move(on_end)(std::move(status));
}

absl::Status Founding::Proceed() {
  FoundingStep step = NextStep(*parts_.members, record_, heard_);
  FoundingRecord next = record_;
  switch (step.kind) {
    case FoundingStep::Kind::kWait:
      return absl::UnavailableError("not yet");
    case FoundingStep::Kind::kRefuse:
      return Refusal(*parts_.members, parts_.dir, step.why);
    case FoundingStep::Kind::kRemember:
      next.founders = std::move(step.founders);
      RETURN_IF_ERROR(Save(next));
      // The others may have written down the same.
      return Proceed();
    case FoundingStep::Kind::kJoin:
      next.founded = true;
      RETURN_IF_ERROR(Save(next));
      LOG_INFO("the cluster is founded: this member takes part");
      return absl::OkStatus();
  }
  return absl::InternalError("no such step");
}

// Others hear of it once it is on disk.
absl::Status Founding::Save(const FoundingRecord& record) {
  absl::Status written =
      env::WriteFileAtomically(*parts_.files, PathIn(parts_.dir), EncodeFounding(record));
  if (absl::IsUnavailable(written)) written = absl::InternalError(written.message());
  if (written.ok()) record_ = record;
  return written;
}

void Founding::LogWait() {
  MutexLock lock(mutex_);
  if (!on_end_ || rounds_ % kRoundsPerLogLine != 0) return;
  std::vector<std::string> waits;
  for (const Member& member : parts_.members->all()) {
    const auto unheard = unheard_.find(member.name);
    if (unheard != unheard_.end()) {
      waits.push_back(absl::StrCat(member.name, " does not answer: ", unheard->second));
    } else if (!heard_.contains(member.name) && &member != &parts_.members->self()) {
      waits.push_back(absl::StrCat(member.name, " has not answered"));
    }
  }
  if (waits.empty()) waits.emplace_back("the others have not heard of all members yet");
  LOG_WARN("a new member waits until all members have been there: {}", absl::StrJoin(waits, "; "));
}

}  // namespace flotilla::pd
