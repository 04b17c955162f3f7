#include "tests/sim/workers.h"

#include <poll.h>
#include <spdlog/fmt/fmt.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <iostream>
#include <new>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/base/coding.h"

namespace flotilla::sim {
namespace {

// In memory that all processes share.
struct Shared {
  std::atomic<uint64_t> next;
  std::atomic<bool> failed;
};

struct Worker {
  pid_t process = 0;
  int pipe = -1;
  std::string unread;
  // Being run; 0: none.
  uint64_t seed = 0;
};

// A seed begins, or has ended.
constexpr char kBegins = 'b';
constexpr char kEnded = 'e';
constexpr uint64_t kProgress = 100;

void WriteAll(int pipe, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = write(pipe, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    CHECK_GT(written, 0) << "the parent is gone";
    data.remove_prefix(static_cast<size_t>(written));
  }
}

void Tell(int pipe, char kind, std::string_view body) {
  std::string frame;
  PutBigEndian64(frame, body.size());
  frame.push_back(kind);
  frame.append(body);
  WriteAll(pipe, frame);
}

// One whole message from the front of `data`; false: it is not all there.
bool TakeFrame(std::string& data, char& kind, std::string& body) {
  std::string_view rest = data;
  uint64_t size = 0;
  if (!GetBigEndian64(rest, size) || rest.size() < size + 1) return false;
  kind = rest.front();
  body = rest.substr(1, size);
  data.erase(0, data.size() - rest.size() + 1 + size);
  return true;
}

std::string EncodeNumber(uint64_t number) {
  std::string out;
  PutBigEndian64(out, number);
  return out;
}

[[noreturn]] void Work(Shared& shared, uint64_t end, int pipe,
                       const std::function<Report(uint64_t, std::string&)>& run) {
  while (!shared.failed) {
    const uint64_t seed = shared.next++;
    if (seed >= end) break;
    Tell(pipe, kBegins, EncodeNumber(seed));
    std::string text;
    const Report report = run(seed, text);
    if (!report.violations.empty()) shared.failed = true;
    Tell(pipe, kEnded, EncodeReport(report, text));
  }
  close(pipe);
  _exit(0);
}

}  // namespace

std::string EncodeReport(const Report& report, const std::string& text) {
  std::string out;
  for (const uint64_t number :
       {report.seed, report.hash, static_cast<uint64_t>(report.simulated.count()), report.steps,
        report.regions, report.damage_found, uint64_t{report.violations.size()}}) {
    PutBigEndian64(out, number);
  }
  PutLengthPrefixed(out, text);
  PutBigEndian64(out, report.faults.size());
  for (const auto& [name, count] : report.faults) {
    PutLengthPrefixed(out, name);
    PutBigEndian64(out, count);
  }
  for (const auto& [name, tally] : report.operations) {
    PutLengthPrefixed(out, name);
    for (const uint64_t count : {tally.done, tally.unknown, tally.refused}) {
      PutBigEndian64(out, count);
    }
  }
  return out;
}

absl::StatusOr<Report> DecodeReport(std::string_view data, std::string& text) {
  const absl::Status cut_off = absl::DataLossError("a report is cut off");
  Report report;
  uint64_t simulated = 0;
  uint64_t violations = 0;
  for (uint64_t* number : {&report.seed, &report.hash, &simulated, &report.steps, &report.regions,
                           &report.damage_found, &violations}) {
    if (!GetBigEndian64(data, *number)) return cut_off;
  }
  report.simulated = env::Duration(simulated);
  std::string_view word;
  if (!GetLengthPrefixed(data, word)) return cut_off;
  text = word;
  // The text says what they were.
  report.violations.resize(violations);
  uint64_t faults = 0;
  if (!GetBigEndian64(data, faults)) return cut_off;
  for (; faults > 0; --faults) {
    if (!GetLengthPrefixed(data, word)) return cut_off;
    if (!GetBigEndian64(data, report.faults[std::string(word)])) return cut_off;
  }
  while (!data.empty()) {
    if (!GetLengthPrefixed(data, word)) return cut_off;
    testing::Tally& tally = report.operations[std::string(word)];
    for (uint64_t* count : {&tally.done, &tally.unknown, &tally.refused}) {
      if (!GetBigEndian64(data, *count)) return cut_off;
    }
  }
  return report;
}

namespace {

// The parent's side.
class Workers {
 public:
  Workers(Summary& summary, const std::function<void(uint64_t, const std::string&)>& failed)
      : summary_(summary), failed_(failed) {}

  void Start(Shared& shared, uint64_t end, int jobs,
             const std::function<Report(uint64_t, std::string&)>& run) {
    shared_ = &shared;
    for (int i = 0; i < jobs; ++i) {
      int ends[2];
      CHECK_EQ(pipe(ends), 0);
      const pid_t process = fork();
      CHECK_GE(process, 0);
      if (process == 0) {
        close(ends[0]);
        Work(shared, end, ends[1], run);
      }
      close(ends[1]);
      workers_.push_back({process, ends[0], {}, 0});
    }
  }

  // Until all of them have ended.
  bool Collect() {
    size_t open = workers_.size();
    while (open > 0) {
      std::vector<pollfd> pipes;
      for (const Worker& worker : workers_) pipes.push_back({worker.pipe, POLLIN, 0});
      if (poll(pipes.data(), pipes.size(), -1) < 0) continue;
      for (size_t i = 0; i < pipes.size(); ++i) {
        if (pipes[i].revents != 0 && !Read(workers_[i])) --open;
      }
    }
    return ok_;
  }

 private:
  // False: it has ended.
  bool Read(Worker& worker) {
    char buffer[1 << 16];
    const ssize_t size = read(worker.pipe, buffer, sizeof buffer);
    if (size > 0) {
      worker.unread.append(buffer, static_cast<size_t>(size));
      char kind = 0;
      std::string body;
      while (TakeFrame(worker.unread, kind, body)) OnFrame(worker, kind, body);
      return true;
    }
    if (size < 0 && errno == EINTR) return true;
    close(worker.pipe);
    worker.pipe = -1;
    int status = 0;
    waitpid(worker.process, &status, 0);
    if (worker.seed != 0) {
      Fail(worker.seed, fmt::format("seed {}\nVIOLATION: the simulator died ({} {})\n", worker.seed,
                                    WIFSIGNALED(status) ? "signal" : "exit code",
                                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
    }
    return false;
  }

  void OnFrame(Worker& worker, char kind, std::string_view body) {
    if (kind == kBegins) {
      CHECK(GetBigEndian64(body, worker.seed));
      return;
    }
    worker.seed = 0;
    std::string text;
    const absl::StatusOr<Report> report = DecodeReport(body, text);
    CHECK_OK(report.status());
    summary_.Add(*report);
    if (!report->violations.empty()) Fail(report->seed, text);
    if (summary_.seeds() % kProgress == 0) std::cerr << summary_.seeds() << " seeds\r";
  }

  void Fail(uint64_t seed, const std::string& text) {
    ok_ = false;
    shared_->failed = true;
    failed_(seed, text);
  }

  Summary& summary_;
  const std::function<void(uint64_t, const std::string&)>& failed_;
  Shared* shared_ = nullptr;
  std::vector<Worker> workers_;
  bool ok_ = true;
};

}  // namespace

bool RunInProcesses(const Seeds& seeds, int jobs,
                    const std::function<Report(uint64_t, std::string&)>& run, Summary& summary,
                    const std::function<void(uint64_t, const std::string&)>& failed) {
  void* const memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  auto* const shared = new (memory) Shared{seeds.first, false};
  Workers workers(summary, failed);
  workers.Start(*shared, seeds.first + seeds.count, jobs, run);
  const bool ok = workers.Collect();
  munmap(memory, sizeof(Shared));
  return ok;
}

}  // namespace flotilla::sim
