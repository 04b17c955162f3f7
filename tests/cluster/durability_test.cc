// Clients write while random processes are killed and started again: no acknowledged write is lost,
// and no key holds what was never written.
//
// FLOTILLA_KILL_ROUNDS sets the number of rounds; FLOTILLA_KILL_SEED the victims.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/env/random.h"
#include "tests/cluster/process_cluster.h"

namespace flotilla::cluster_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kKeys = 64;
constexpr int kQuickRounds = 5;

int64_t Variable(const char* name, int64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

// Writes rising numbers to its keys, each key's one after another, all keys at once.
class Writers {
 public:
  explicit Writers(client::RawClient* client) : client_(client), keys_(kKeys) {}
  ~Writers() { Stop(); }

  void Start() {
    {
      MutexLock lock(mutex_);
      in_flight_ = kKeys;
    }
    for (int i = 0; i < kKeys; ++i) WriteNext(i);
  }
  void Stop() {
    stopping_.store(true);
    MutexLock lock(mutex_);
    while (in_flight_ > 0) changed_.Wait(mutex_);
  }
  int64_t acknowledged() {
    MutexLock lock(mutex_);
    return acknowledged_;
  }

  // Compares with what is stored.
  void Check() {
    for (int i = 0; i < kKeys; ++i) {
      const auto value = client_->Get(Key(i));
      ASSERT_TRUE(value.ok()) << value.status();
      const int64_t stored = value->has_value() ? std::stoll(**value) : 0;
      MutexLock lock(mutex_);
      EXPECT_GE(stored, keys_[i].acknowledged) << Key(i) << ": an acknowledged write is lost";
      EXPECT_LE(stored, keys_[i].attempted) << Key(i) << ": nobody wrote this";
    }
  }

 private:
  struct State {
    int64_t attempted = 0;
    int64_t acknowledged = 0;
  };

  static std::string Key(int i) { return "durable/" + std::to_string(i); }

  void WriteNext(int i) {
    int64_t number = 0;
    {
      MutexLock lock(mutex_);
      number = ++keys_[i].attempted;
    }
    client_->PutAsync(Key(i), std::to_string(number), {},
                      [this, i, number](absl::Status status) { OnWritten(i, number, status); });
  }

  void OnWritten(int i, int64_t number, const absl::Status& status) {
    bool is_last = false;
    {
      MutexLock lock(mutex_);
      if (status.ok()) {
        keys_[i].acknowledged = number;
        ++acknowledged_;
      }
      is_last = stopping_.load();
      if (is_last) {
        --in_flight_;
        changed_.NotifyAll();
      }
    }
    if (!is_last) WriteNext(i);
  }

  client::RawClient* const client_;
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  CondVar changed_;
  int in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<State> keys_ ABSL_GUARDED_BY(mutex_);
};

TEST(DurabilityTest, NothingAcknowledgedIsLost) {
  const auto seed = static_cast<uint64_t>(
      Variable("FLOTILLA_KILL_SEED", static_cast<int64_t>(env::Random::SystemSeed() >> 1)));
  const int64_t rounds = Variable("FLOTILLA_KILL_ROUNDS", kQuickRounds);
  SCOPED_TRACE("FLOTILLA_KILL_SEED=" + std::to_string(seed));
  env::Random random(seed);
  ProcessCluster cluster("durability");
  const CommandResult up = cluster.Up({"--stores", "3", "--pds", "3"});
  ASSERT_EQ(up.code, 0) << up.output;
  const auto client = cluster.Connect();
  ASSERT_NE(client, nullptr);
  Writers writers(client.get());
  writers.Start();
  const std::vector<std::string> processes = {"store-1", "store-2", "store-3",
                                              "pd-1",    "pd-2",    "pd-3"};
  for (int64_t round = 0; round < rounds && !::testing::Test::HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const int64_t before = writers.acknowledged();
    ASSERT_TRUE(Await(seconds(30), [&] { return writers.acknowledged() >= before + 200; }))
        << "no progress";
    if (random.Chance(0.2)) {
      for (const std::string& name : processes) cluster.Kill(name);
    } else {
      cluster.Kill(processes[random.Uniform(processes.size())]);
    }
    const CommandResult again = cluster.Up();
    ASSERT_EQ(again.code, 0) << again.output;
  }
  writers.Stop();
  writers.Check();
  RecordProperty("acknowledged", static_cast<int>(writers.acknowledged()));
  EXPECT_EQ(cluster.Down().code, 0);
}

}  // namespace
}  // namespace flotilla::cluster_test
