#include "tests/check/linearizer.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

namespace flotilla::testing {
namespace {

// The beginnings and ends that were not taken out yet, as a list through an array.
class Events {
 public:
  static constexpr uint32_t kEnd = UINT32_MAX;

  explicit Events(const std::vector<RegisterStep>& steps) {
    struct Event {
      uint64_t at;
      uint32_t step;
      bool is_end;
    };
    std::vector<Event> events;
    for (uint32_t i = 0; i < steps.size(); ++i) {
      events.push_back({steps[i].begin, i, false});
      // An optional step has no end.
      if (!steps[i].optional) events.push_back({steps[i].end, i, true});
    }
    std::sort(events.begin(), events.end(),
              [](const Event& a, const Event& b) { return a.at < b.at; });
    begin_of_.resize(steps.size());
    end_of_.resize(steps.size(), kEnd);
    for (uint32_t i = 0; i < events.size(); ++i) {
      nodes_.push_back({events[i].step, events[i].is_end, i == 0 ? kEnd : i - 1,
                        i + 1 == events.size() ? kEnd : i + 1});
      (events[i].is_end ? end_of_ : begin_of_)[events[i].step] = i;
    }
    first_ = events.empty() ? kEnd : 0;
  }

  uint32_t first() const { return first_; }
  uint32_t next(uint32_t at) const { return nodes_[at].next; }
  uint32_t step(uint32_t at) const { return nodes_[at].step; }
  bool is_end(uint32_t at) const { return nodes_[at].is_end; }

  void TakeOut(uint32_t step) {
    Unlink(begin_of_[step]);
    if (end_of_[step] != kEnd) Unlink(end_of_[step]);
  }
  // REQUIRES: the last that was taken out and is not back.
  void PutBack(uint32_t step) {
    if (end_of_[step] != kEnd) Link(end_of_[step]);
    Link(begin_of_[step]);
  }
  uint32_t begin_of(uint32_t step) const { return begin_of_[step]; }

 private:
  struct Node {
    uint32_t step;
    bool is_end;
    uint32_t previous;
    uint32_t next;
  };
  void Unlink(uint32_t at) {
    const Node& node = nodes_[at];
    (node.previous == kEnd ? first_ : nodes_[node.previous].next) = node.next;
    if (node.next != kEnd) nodes_[node.next].previous = node.previous;
  }
  void Link(uint32_t at) {
    const Node& node = nodes_[at];
    (node.previous == kEnd ? first_ : nodes_[node.previous].next) = at;
    if (node.next != kEnd) nodes_[node.next].previous = at;
  }

  std::vector<Node> nodes_;
  std::vector<uint32_t> begin_of_;
  std::vector<uint32_t> end_of_;
  uint32_t first_ = kEnd;
};

// False: the step cannot come now.
bool Take(const RegisterStep& step, uint32_t& state) {
  switch (step.kind) {
    case RegisterStep::Kind::kRead:
      return state == step.value;
    case RegisterStep::Kind::kWrite:
      state = step.value;
      return true;
    case RegisterStep::Kind::kSwap:
      if (state != step.expected) return false;
      state = step.value;
      return true;
    case RegisterStep::Kind::kFailedSwap:
      return state == step.value && state != step.expected;
  }
  return false;
}

}  // namespace

Verdict Linearize(const std::vector<RegisterStep>& steps, uint64_t budget) {
  Events events(steps);
  size_t needed = 0;
  for (const RegisterStep& step : steps) needed += step.optional ? 0 : 1;
  std::string taken(steps.size(), '0');
  std::unordered_set<std::string> tried;
  struct Choice {
    uint32_t step;
    uint32_t state_before;
  };
  std::vector<Choice> choices;
  uint32_t state = 0;
  uint32_t at = events.first();
  while (needed > 0) {
    if (at != Events::kEnd && !events.is_end(at)) {
      const uint32_t step = events.step(at);
      uint32_t after = state;
      if (Take(steps[step], after)) {
        taken[step] = '1';
        if (tried.insert(taken + std::to_string(after)).second) {
          if (tried.size() > budget) return Verdict::kGaveUp;
          choices.push_back({step, std::exchange(state, after)});
          events.TakeOut(step);
          if (!steps[step].optional) --needed;
          at = events.first();
          continue;
        }
        taken[step] = '0';
      }
      at = events.next(at);
      continue;
    }
    // An operation ended before it found its place: the last choice was wrong.
    if (choices.empty()) return Verdict::kViolation;
    const Choice last = choices.back();
    choices.pop_back();
    taken[last.step] = '0';
    state = last.state_before;
    events.PutBack(last.step);
    if (!steps[last.step].optional) ++needed;
    at = events.next(events.begin_of(last.step));
  }
  return Verdict::kLinearizable;
}

}  // namespace flotilla::testing
