// Changes of configuration against a naive model, and their encoding.
#include "common/raft/membership.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/env/random.h"
#include "gtest/gtest.h"

namespace flotilla::raft {
namespace {

using Type = ConfChangeStep::Type;

// The model keeps sets, and says what a change means in the words of the thesis.
struct Model {
  std::set<uint64_t> voters, outgoing, learners, next;

  void Apply(const ConfChangeStep& step) {
    const uint64_t id = step.peer.value();
    if (id == 0 || step.type == Type::kUpdate) return;
    if (step.type == Type::kAddLearner && learners.contains(id)) return;
    voters.erase(id);
    learners.erase(id);
    next.erase(id);
    if (step.type == Type::kAddVoter) voters.insert(id);
    if (step.type == Type::kAddLearner) (outgoing.contains(id) ? next : learners).insert(id);
  }
  void Leave() {
    learners.insert(next.begin(), next.end());
    next.clear();
    outgoing.clear();
  }
};

std::set<uint64_t> AsSet(const std::vector<PeerId>& peers) {
  std::set<uint64_t> set;
  for (PeerId peer : peers) set.insert(peer.value());
  return set;
}

void ExpectEqual(const ConfState& conf, const Model& model) {
  EXPECT_EQ(AsSet(conf.voters), model.voters);
  EXPECT_EQ(AsSet(conf.voters_outgoing), model.outgoing);
  EXPECT_EQ(AsSet(conf.learners), model.learners);
  EXPECT_EQ(AsSet(conf.learners_next), model.next);
  EXPECT_TRUE(ValidateConfState(conf).ok()) << ValidateConfState(conf);
}

std::vector<ConfChangeStep> DrawSteps(env::Random& random) {
  std::vector<ConfChangeStep> steps;
  for (uint64_t i = random.Between(1, 4); i > 0; --i) {
    steps.push_back({static_cast<Type>(random.Uniform(4)), PeerId(random.Uniform(7))});
  }
  return steps;
}

TEST(MembershipTest, RandomChangesEqualTheModel) {
  env::Random random(99);
  int simple = 0, joint = 0, refused = 0;
  for (int run = 0; run < 200; ++run) {
    ConfState conf;
    conf.voters = {PeerId(1), PeerId(2), PeerId(3)};
    Model model;
    model.voters = {1, 2, 3};
    for (int i = 0; i < 30; ++i) {
      const std::vector<ConfChangeStep> steps = DrawSteps(random);
      Model after = model;
      absl::StatusOr<MembershipChange> change;
      if (IsJoint(conf)) {
        EXPECT_FALSE(SimpleChange(conf, steps).ok());
        EXPECT_FALSE(EnterJoint(conf, false, steps).ok());
        change = LeaveJoint(conf);
        after.Leave();
        ASSERT_TRUE(change.ok());
      } else if (random.Chance(0.5)) {
        EXPECT_FALSE(LeaveJoint(conf).ok());
        for (const ConfChangeStep& step : steps) after.Apply(step);
        std::vector<uint64_t> changed;
        std::set_symmetric_difference(model.voters.begin(), model.voters.end(),
                                      after.voters.begin(), after.voters.end(),
                                      std::back_inserter(changed));
        change = SimpleChange(conf, steps);
        ASSERT_EQ(change.ok(), changed.size() <= 1 && !after.voters.empty());
        simple += change.ok();
      } else {
        after.outgoing = after.voters;
        for (const ConfChangeStep& step : steps) after.Apply(step);
        change = EnterJoint(conf, true, steps);
        ASSERT_EQ(change.ok(), !after.voters.empty());
        joint += change.ok();
      }
      if (!change.ok()) {
        ++refused;
        continue;
      }
      conf = change->conf_state;
      model = after;
      ExpectEqual(conf, model);
    }
  }
  EXPECT_GT(simple, 500);
  EXPECT_GT(joint, 500);
  EXPECT_GT(refused, 100);
}

// Whatever a simple change does, the joint way does as well.
TEST(MembershipTest, SimpleAndJointWayMeet) {
  env::Random random(7);
  ConfState conf;
  conf.voters = {PeerId(1), PeerId(2), PeerId(3)};
  conf.learners = {PeerId(4)};
  int compared = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::vector<ConfChangeStep> steps = DrawSteps(random);
    absl::StatusOr<MembershipChange> direct = SimpleChange(conf, steps);
    if (!direct.ok()) continue;
    absl::StatusOr<MembershipChange> joint = EnterJoint(conf, false, steps);
    ASSERT_TRUE(joint.ok());
    absl::StatusOr<MembershipChange> left = LeaveJoint(joint->conf_state);
    ASSERT_TRUE(left.ok());
    EXPECT_EQ(left->conf_state, direct->conf_state);
    ++compared;
  }
  EXPECT_GT(compared, 200);
}

TEST(MembershipTest, WhoIsNewStartsFromNothing) {
  ConfState conf;
  conf.voters = {PeerId(1), PeerId(2)};
  auto added = SimpleChange(conf, {{Type::kAddVoter, PeerId(3)}});
  ASSERT_TRUE(added.ok());
  EXPECT_EQ(added->added, std::vector<PeerId>{PeerId(3)});
  auto promoted = SimpleChange(added->conf_state, {{Type::kAddLearner, PeerId(3)}});
  ASSERT_TRUE(promoted.ok());
  EXPECT_TRUE(promoted->added.empty());
  auto replaced =
      SimpleChange(added->conf_state, {{Type::kRemove, PeerId(3)}, {Type::kAddVoter, PeerId(3)}});
  ASSERT_TRUE(replaced.ok());
  EXPECT_EQ(replaced->added, std::vector<PeerId>{PeerId(3)});
}

TEST(MembershipTest, ContradictionsAreNamed) {
  auto valid = [](ConfState conf) { return ValidateConfState(conf).ok(); };
  const std::vector<PeerId> one = {PeerId(1)}, two = {PeerId(2)};
  EXPECT_TRUE(valid({}));
  EXPECT_TRUE(valid({.voters = one,
                     .voters_outgoing = two,
                     .learners = {},
                     .learners_next = two,
                     .auto_leave = true}));
  EXPECT_FALSE(valid({.voters = {PeerId(2), PeerId(1)},
                      .voters_outgoing = {},
                      .learners = {},
                      .learners_next = {}}));
  EXPECT_FALSE(valid({.voters = {PeerId(1), PeerId(1)},
                      .voters_outgoing = {},
                      .learners = {},
                      .learners_next = {}}));
  EXPECT_FALSE(
      valid({.voters = {PeerId(0)}, .voters_outgoing = {}, .learners = {}, .learners_next = {}}));
  EXPECT_FALSE(valid({.voters = one, .voters_outgoing = {}, .learners = one, .learners_next = {}}));
  EXPECT_FALSE(valid({.voters = one, .voters_outgoing = {}, .learners = {}, .learners_next = two}));
  EXPECT_FALSE(valid({.voters = {}, .voters_outgoing = {}, .learners = one, .learners_next = {}}));
  EXPECT_FALSE(valid({.voters = one,
                      .voters_outgoing = {},
                      .learners = {},
                      .learners_next = {},
                      .auto_leave = true}));
}

TEST(ConfChangeTest, RoundTrip) {
  env::Random random(5);
  for (int i = 0; i < 500; ++i) {
    ConfChange change;
    change.transition = static_cast<ConfChange::Transition>(random.Uniform(3));
    if (random.Chance(0.8)) change.steps = DrawSteps(random);
    if (random.Chance(0.5)) change.context = Bytes(std::string(random.Uniform(300), 'c'));
    auto decoded = DecodeConfChange(EncodeConfChange(change).view());
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, change);
  }
}

TEST(ConfChangeTest, LeavingTheJointStateIsNoBytes) {
  EXPECT_TRUE(EncodeConfChange(ConfChange()).empty());
  auto decoded = DecodeConfChange("");
  ASSERT_TRUE(decoded.ok());
  EXPECT_TRUE(decoded->LeavesJoint());
}

TEST(ConfChangeTest, MalformedBytesAreDataLoss) {
  ConfChange change;
  change.steps = {{Type::kAddVoter, PeerId(300)}};
  change.context = Bytes("context");
  const Bytes encoded = EncodeConfChange(change);
  for (size_t size = 1; size < encoded.size(); ++size) {
    EXPECT_EQ(DecodeConfChange(encoded.view().substr(0, size)).status().code(),
              absl::StatusCode::kDataLoss);
  }
  std::string wrong(encoded.view());
  wrong[0] = 9;
  EXPECT_FALSE(DecodeConfChange(wrong).ok());
  EXPECT_FALSE(DecodeConfChange(std::string(encoded.view()) + "x").ok());
}

}  // namespace
}  // namespace flotilla::raft
