// In which order a raft worker hands on what one round of it made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/engine/memory_kv_engine.h"
#include "common/env/memory_file_system.h"
#include "common/raftlog/memory_log_engine.h"
#include "tests/support/kv_store.h"
#include "tests/support/sim_world.h"

namespace flotilla::testing {
namespace {

using ::testing::ElementsAre;

// Notes which stages were woken, in the order in which they were.
class NotingScheduler final : public env::Scheduler {
 public:
  explicit NotingScheduler(env::Scheduler* scheduler) : scheduler_(scheduler) {}

  env::Waker* Add(env::Stage* stage) override {
    wakers_.push_back(
        std::make_unique<NotingWaker>(this, std::string(stage->name()), scheduler_->Add(stage)));
    return wakers_.back().get();
  }
  void Start() override { scheduler_->Start(); }
  void Stop() override { scheduler_->Stop(); }

  std::vector<std::string> woken;

 private:
  class NotingWaker final : public env::Waker {
   public:
    NotingWaker(NotingScheduler* owner, std::string stage, env::Waker* waker)
        : owner_(owner), stage_(std::move(stage)), waker_(waker) {}
    void Wake() override {
      owner_->woken.push_back(stage_);
      waker_->Wake();
    }

   private:
    NotingScheduler* const owner_;
    const std::string stage_;
    env::Waker* const waker_;
  };

  env::Scheduler* const scheduler_;
  std::vector<std::unique_ptr<NotingWaker>> wakers_;
};

class NoTransport final : public net::Transport {
 public:
  void Send(net::Envelope /*envelope*/) override {}
};

class HandOverTest : public ::testing::Test {
 protected:
  static constexpr RegionId kRegion{1};

  HandOverTest() {
    const PeerId self = PeerOf(kRegion, StoreId(1));
    KvStore::Bootstrap(&kv_engine_, kRegion, self, {self});
    KvStoreOptions options;
    options.host.store_id = StoreId(1);
    options.clock = &process_;
    options.random = env::Random(1);
    options.scheduler = &scheduler_;
    options.log_engine = &log_engine_;
    options.kv_engine = &kv_engine_;
    options.transport = &transport_;
    store_ = std::make_unique<KvStore>(options);
    scheduler_.Start();
  }
  ~HandOverTest() override { scheduler_.Stop(); }

  void Put(const std::string& value) {
    multiraft::Proposal proposal;
    proposal.command = EncodeKvCommand({KvCommand::Kind::kPut, "k", value});
    proposal.callback = [](absl::StatusOr<multiraft::Applied> /*applied*/) {};
    store_->host().Propose(kRegion, std::move(proposal));
  }
  std::string Value() const { return store_->Storage(kRegion).Get("k").value_or(""); }

  SimWorld world_{1};
  SimScheduler process_{&world_};
  NotingScheduler scheduler_{&process_};
  env::MemoryFileSystem files_;
  engine::MemoryKvEngine kv_engine_{&files_};
  raftlog::MemoryLogEngine log_engine_;
  NoTransport transport_;
  std::unique_ptr<KvStore> store_;
};

// What applying an entry makes in another group's log goes through the same log writer. Were the
// apply worker told first, it could be durable before the round's own write, which may hold that
// the entry is committed.
TEST_F(HandOverTest, TheLogWriterGetsItsPartBeforeTheApplyWorkers) {
  ASSERT_TRUE(
      world_.RunUntil([this] { return store_->IsReadyLeader(kRegion); }, std::chrono::seconds(30)));
  world_.RunFor(std::chrono::seconds(1));
  Put("first");
  process_.RunStage("raft-0");
  process_.RunStage("log-writer");
  // One round that commits the first entry and appends the second.
  Put("second");
  scheduler_.woken.clear();
  process_.RunStage("raft-0");
  EXPECT_THAT(scheduler_.woken, ElementsAre("log-writer", "apply-0"));
  ASSERT_TRUE(world_.RunUntil([this] { return Value() == "second"; }, std::chrono::seconds(1)));
}

}  // namespace
}  // namespace flotilla::testing
