#include "pd/api/store_registry_api.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/pd/leader_fixture.h"

namespace flotilla::pd {
namespace {

// Store 4 and what PD answers to it.
class StoreRegistryApiTest : public LeaderFixture {
 protected:
  StoreRegistryApiTest() { Bootstrap(); }

  registry::v1::RegisterResponse Start(uint64_t generation, uint64_t nonce, uint64_t position,
                                       const std::string& address = "") {
    registry::v1::RegisterRequest request;
    *request.mutable_store() = MakeStore(4);
    if (!address.empty()) request.mutable_store()->set_address(address);
    request.set_generation(generation);
    request.set_nonce(nonce);
    request.set_position(position);
    return Call(registry_api_, &StoreRegistryApi::Register, request);
  }
  uint64_t SupersededBy(uint64_t generation, uint64_t position) {
    registry::v1::SavePositionRequest request;
    request.set_store_id(4);
    request.set_generation(generation);
    request.set_position(position);
    const auto response = Call(registry_api_, &StoreRegistryApi::SavePosition, request);
    EXPECT_TRUE(status_.ok()) << status_;
    return response.superseded_by();
  }
  registry::v1::StoreMemory Memory() { return *store_.reader().StoreMemory(4); }
};

TEST_F(StoreRegistryApiTest, StartsFollowEachOther) {
  EXPECT_EQ(Start(0, 11, 0).generation(), 1u);
  EXPECT_EQ(Start(1, 12, 0).generation(), 2u);
  EXPECT_TRUE(leadership_.Current()->cluster.GetStore(StoreId(4)).has_value());
  EXPECT_EQ(store_.reader().Store(4)->value().address(), MakeStore(4).address());
}

TEST_F(StoreRegistryApiTest, AStartMayBeRepeatedAndAnotherOneMayNot) {
  EXPECT_EQ(Start(0, 11, 0).generation(), 1u);
  EXPECT_EQ(Start(0, 11, 0).generation(), 1u) << "its answer was lost";
  const auto refused = Start(0, 12, 0);
  EXPECT_EQ(refused.generation(), 0u) << "a copy from before that start";
  EXPECT_FALSE(refused.header().has_error());
  EXPECT_EQ(refused.remembered().generation(), 1u);
  EXPECT_EQ(Memory().nonce(), 11u);
}

TEST_F(StoreRegistryApiTest, NeitherOlderNorNewerGenerationsAreTaken) {
  for (uint64_t start = 0; start < 3; ++start) Start(start, 11 + start, 0);
  for (const uint64_t generation : {0, 1, 2, 4}) {
    EXPECT_EQ(Start(generation, 99, 0).generation(), 0u) << generation;
    EXPECT_EQ(Start(generation, 99, 1000).generation(), 0u) << generation;
  }
  EXPECT_EQ(Start(1, 12, 0).generation(), 0u) << "a repetition of the start before";
  EXPECT_EQ(Memory().generation(), 3u);
  EXPECT_EQ(Memory().position(), 0u);
}

TEST_F(StoreRegistryApiTest, WhoIsBehindItsPositionIsRefused) {
  Start(0, 11, 5);
  EXPECT_EQ(Memory().position(), 5u);
  EXPECT_EQ(SupersededBy(1, 70), 0u);
  EXPECT_EQ(SupersededBy(1, 60), 0u);
  EXPECT_EQ(Memory().position(), 70u) << "the highest one";
  const auto refused = Start(1, 12, 69);
  EXPECT_EQ(refused.generation(), 0u);
  EXPECT_EQ(refused.remembered().position(), 70u);
  EXPECT_EQ(Start(0, 11, 69).generation(), 0u) << "nor a repetition";
  EXPECT_EQ(Start(1, 12, 70).generation(), 2u);
}

TEST_F(StoreRegistryApiTest, WhatIsRememberedOutlivesTheLeader) {
  Start(0, 11, 5);
  SupersededBy(1, 70);
  StepDown();
  BecomeLeader(Term(6));
  EXPECT_EQ(Start(1, 12, 69).generation(), 0u);
  EXPECT_EQ(Start(0, 13, 70).generation(), 0u);
  EXPECT_EQ(Start(1, 12, 70).generation(), 2u);
}

TEST_F(StoreRegistryApiTest, AnIdleStoreIsNotWrittenDown) {
  Start(0, 11, 5);
  store_.Hold();
  status_ = absl::UnknownError("not answered");
  EXPECT_EQ(SupersededBy(1, 5), 0u) << "answered though nothing can be written";
}

TEST_F(StoreRegistryApiTest, AnEarlierProcessIsToldOfTheLaterOne) {
  Start(0, 11, 5);
  Start(1, 12, 5);
  EXPECT_EQ(SupersededBy(1, 900), 2u);
  EXPECT_EQ(Memory().position(), 5u) << "its position is not the later one's";
  EXPECT_EQ(SupersededBy(2, 6), 0u);
}

TEST_F(StoreRegistryApiTest, ACopyBesideTheRunningStoreIsNotItsNextStart) {
  Start(0, 11, 5);
  Beat(4);
  EXPECT_EQ(Start(1, 12, 5, "copy:1").header().error().type(), pdpb::DUPLICATED_ENTRY);
  EXPECT_EQ(Memory().generation(), 1u);
  EXPECT_EQ(Start(1, 13, 5).generation(), 2u) << "the store itself starts again";
  clock_.Advance(kStoreDisconnectedAfter);
  EXPECT_EQ(Start(2, 14, 5, "moved:1").generation(), 3u);
}

TEST_F(StoreRegistryApiTest, RulesOfPutStoreHold) {
  EXPECT_EQ(Start(0, 0, 0).header().error().type(), pdpb::INVALID_VALUE) << "no nonce";
  EXPECT_EQ(Start(0, 11, 0, MakeStore(1).address()).header().error().type(),
            pdpb::DUPLICATED_ENTRY);
  EXPECT_EQ(Memory().generation(), 0u) << "a refused start is not remembered";
  registry::v1::RegisterRequest request;
  request.set_nonce(1);
  EXPECT_EQ(Call(registry_api_, &StoreRegistryApi::Register, request).header().error().type(),
            pdpb::INVALID_VALUE);
}

}  // namespace
}  // namespace flotilla::pd
