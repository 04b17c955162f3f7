// What a simulated host does with its node: the same order of things as a real one.
#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/base/checksum.h"
#include "common/raft/describe.h"
#include "common/raft/membership.h"
#include "tests/raft/sim/simulation.h"

namespace flotilla::raft::sim {
namespace {

uint64_t NextHash(uint64_t hash, const Entry& entry) {
  return Xxh3(entry.data.view(), hash ^ (entry.term.value() << 32) ^ entry.index.value());
}

}  // namespace

void Simulation::Start(Host& host) {
  checker_.OnRestart(host);
  Config config = options_.config;
  config.id = host.id;
  config.random_seed = random_.Next();
  auto raw =
      RawNode::Create(config, host.hard_state, host.flushed.conf, host.flushed.at.index, &host.log);
  CHECK(raw.ok()) << raw.status();
  host.raw = *std::move(raw);
  host.app = host.flushed;
  host.seen_commit = host.flushed.at.index;
  host.seen_term = host.raw->term();
  if (trace_) Trace("starts", Position(host), Describe(host.hard_state));
  ScheduleMine(now_ + random_.Between(1, kTick), host, TickDue{});
  AfterStep(host);
}

void Simulation::AfterStep(Host& host) {
  const RawNode& raw = *host.raw;
  Mix(now_);
  Mix(host.id.value() | raw.term().value() << 8 | raw.commit().value() << 32);
  Mix(raw.last_index().value() | static_cast<uint64_t>(raw.role()) << 32);
  checker_.OnStepped(host, now_);
  if (host.drive_pending || !raw.HasReady()) return;
  host.drive_pending = true;
  ScheduleMine(now_ + random_.Between(0, options_.host_max), host, DriveDue{});
}

void Simulation::Drive(Host& host) {
  host.drive_pending = false;
  if (!host.raw->HasReady()) return;
  Ready ready = host.raw->TakeReady();
  if (trace_) Trace("ready", Position(host), "\n" + Describe(ready));
  checker_.OnHandedOut(host, ready.append);
  TakeOutcomes(host, ready);
  if (options_.config.async_storage_writes) {
    DriveAsync(host, std::move(ready));
  } else {
    DriveSync(host, std::move(ready));
  }
}

void Simulation::TakeOutcomes(Host& host, const Ready& ready) {
  for (const ReadState& read : ready.reads) checker_.OnRead(host, read);
  for (ReadId read : ready.dropped_reads) host.reads.erase(read);
  // The host does not act on soft state; a leader's own is checked after each step.
}

void Simulation::DriveAsync(Host& host, Ready ready) {
  Send(host, std::move(ready.messages));
  if (!ready.append.empty()) {
    host.writing.push_back(std::move(ready.append));
    host.disk_free_at =
        std::max(host.disk_free_at, now_) + random_.Between(1, healing_ ? 20 : options_.disk_max);
    ScheduleMine(host.disk_free_at, host, WriteDone{});
  }
  if (!ready.committed.empty()) {
    host.applying.push_back(std::move(ready.committed));
    host.apply_free_at = std::max(host.apply_free_at, now_) + random_.Between(0, options_.host_max);
    ScheduleMine(host.apply_free_at, host, ApplyDue{});
  }
  AfterStep(host);
}

void Simulation::DriveSync(Host& host, Ready ready) {
  // A crash may come before the write, and between the write and what follows from it.
  const bool crashes = !healing_ && random_.Chance(options_.crash * 0.01);
  if (crashes && random_.Chance(0.5)) return CrashHost(host);
  host.Persist(ready.append);
  if (ready.append.snapshot.has_value()) checker_.OnSnapshot(host, host.app);
  if (crashes) return CrashHost(host);

  Apply(host, ready.committed);
  Send(host, std::move(ready.messages));
  std::vector<Message> to_self;
  std::vector<Message> to_others;
  for (Message& message : ready.append.messages) {
    (message.to == host.id ? to_self : to_others).push_back(std::move(message));
  }
  for (const Message& message : to_others) checker_.OnPromise(host, message);
  Send(host, std::move(to_others));
  StepSelf(host, std::move(to_self), ready.append.token);
  if (!ready.committed.empty()) {
    host.raw->OnApplied(ready.committed.back().index);
    AfterStep(host);
  }
}

void Simulation::StepSelf(Host& host, std::vector<Message> to_self, const PersistToken& token) {
  for (Message& message : to_self) {
    checker_.OnPromise(host, message);
    host.raw->Step(std::move(message)).IgnoreError();
    AfterStep(host);
  }
  if (!token.empty()) host.raw->OnPersisted(token);
  AfterStep(host);
}

// The writer makes what waits durable, at least one append, with one sync.
void Simulation::FinishWrites(Host& host) {
  if (host.writing.empty()) return;  // An earlier sync took it along.
  const uint64_t count = random_.Between(1, host.writing.size());
  for (uint64_t i = 0; i < count; ++i) {
    LogAppend append = std::move(host.writing.front());
    host.writing.pop_front();
    host.Persist(append);
    if (append.snapshot.has_value()) checker_.OnSnapshot(host, host.app);
    WriteAck ack{.to_self = {}, .token = append.token};
    std::vector<Message> to_others;
    for (Message& message : append.messages) {
      (message.to == host.id ? ack.to_self : to_others).push_back(std::move(message));
    }
    for (const Message& message : to_others) checker_.OnPromise(host, message);
    Send(host, std::move(to_others));
    if (ack.to_self.empty() && ack.token.empty()) continue;
    host.acks.push_back(std::move(ack));
    host.ack_free_at = std::max(host.ack_free_at, now_) + random_.Between(0, options_.host_max);
    ScheduleMine(host.ack_free_at, host, AckDue{});
  }
}

void Simulation::FinishAck(Host& host) {
  WriteAck ack = std::move(host.acks.front());
  host.acks.pop_front();
  StepSelf(host, std::move(ack.to_self), ack.token);
}

void Simulation::FinishApply(Host& host) {
  std::vector<Entry> entries = std::move(host.applying.front());
  host.applying.pop_front();
  Apply(host, entries);
  host.raw->OnApplied(entries.back().index);
  AfterStep(host);
}

void Simulation::Apply(Host& host, const std::vector<Entry>& entries) {
  for (const Entry& entry : entries) {
    // Handed out before a snapshot that was installed meanwhile.
    if (entry.index <= host.app.at.index) continue;
    CHECK_EQ(entry.index, host.app.at.index + 1) << "a gap in what is applied";
    host.app.hash = NextHash(host.app.hash, entry);
    host.app.at = {entry.term, entry.index};
    if (entry.type == EntryType::kConfChange) {
      auto change = DecodeConfChange(entry.data.view());
      CHECK(change.ok()) << change.status();
      // The state's own configuration: the node's may be that of a snapshot on its way to the disk.
      auto changed = ChangeMembership(host.app.conf, *change);
      CHECK(changed.ok()) << changed.status();
      host.app.conf = changed->conf_state;
      host.raw->ApplyConfChange(*change, entry.index);
      if (trace_) Trace("applies", Position(host), Describe(host.app.conf));
    }
    checker_.OnApply(host, entry, host.app.hash);
    AfterStep(host);
  }
  // The data engine flushes when it likes to; a crash goes back to the last flush.
  if (random_.Chance(0.3)) host.flushed = host.app;
}

}  // namespace flotilla::raft::sim
