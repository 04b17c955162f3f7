// Long reads wait in the order of their deadlines, and not for ever.
#include "store/kv/read_stage.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/errors/region_error.h"
#include "tikv/errorpb.pb.h"

namespace flotilla::store {
namespace {

using std::chrono::seconds;

class ReadStageTest : public ::testing::Test {
 protected:
  void Run(const std::string& name, env::Duration allowed) {
    stage_.Run(clock_.Now() + allowed, [this, name](const absl::Status& status) {
      log_.push_back(name + " " + std::string(absl::StatusCodeToString(status.code())));
    });
  }
  void RunAll() {
    while (stage_.RunOnce()) {
    }
  }

  env::ManualClock clock_;
  metrics::Registry metrics_;
  rpc::InFlight in_flight_{{.requests = 10, .bytes = 1000}, &metrics_};
  ReadStage stage_{&clock_, &in_flight_};
  std::vector<std::string> log_;
};

TEST_F(ReadStageTest, TheSoonestDeadlineIsServedFirst) {
  Run("late", seconds(60));
  Run("soon", seconds(1));
  Run("second of soon", seconds(1));
  EXPECT_TRUE(stage_.RunOnce());
  // Whoever comes meanwhile need not wait for all the others.
  Run("sooner", std::chrono::milliseconds(1));
  RunAll();
  EXPECT_EQ(log_,
            (std::vector<std::string>{"soon OK", "sooner OK", "second of soon OK", "late OK"}));
}

TEST_F(ReadStageTest, WhatWaitedPastItsDeadlineIsNotServed) {
  Run("a", seconds(1));
  Run("b", seconds(3));
  clock_.Advance(seconds(2));
  RunAll();
  EXPECT_EQ(log_, (std::vector<std::string>{"a DEADLINE_EXCEEDED", "b OK"}));
}

TEST_F(ReadStageTest, TooManyAreRefusedAndRoomComesBack) {
  for (size_t i = 0; i < ReadStage::kMaxWaiting; ++i) Run("read", seconds(1));
  EXPECT_TRUE(log_.empty());
  absl::Status refused;
  stage_.Run(clock_.Now() + seconds(1), [&](absl::Status status) { refused = std::move(status); });
  errorpb::Error error;
  ASSERT_TRUE(errors::ToRegionError(refused, &error));
  EXPECT_TRUE(error.has_server_is_busy());
  EXPECT_TRUE(stage_.RunOnce());
  Run("next", seconds(9));
  RunAll();
  EXPECT_EQ(log_.size(), ReadStage::kMaxWaiting + 1);
  EXPECT_EQ(log_.back(), "next OK");
}

TEST_F(ReadStageTest, NothingIsReadWhileAnswersTakeTooMuch) {
  in_flight_.Grow(1, 1001);
  Run("a", seconds(1));
  RunAll();
  in_flight_.Leave(1, 1001);
  Run("b", seconds(1));
  RunAll();
  EXPECT_EQ(log_, (std::vector<std::string>{"a RESOURCE_EXHAUSTED", "b OK"}));
}

}  // namespace
}  // namespace flotilla::store
