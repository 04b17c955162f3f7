#include "tests/check/register_history.h"

#include <spdlog/fmt/fmt.h>

#include <set>
#include <utility>

#include "tests/check/linearizer.h"

namespace flotilla::testing {
namespace {

constexpr uint64_t kBudget = 300'000;

std::string Show(const RegisterHistory::Value& value) { return value.value_or("nothing"); }

// Values as numbers, from 1.
class Numbers {
 public:
  uint32_t Of(const RegisterHistory::Value& value) {
    if (!value.has_value()) return 0;
    return numbers_.emplace(*value, static_cast<uint32_t>(numbers_.size() + 1)).first->second;
  }

 private:
  std::map<std::string, uint32_t> numbers_;
};

std::vector<RegisterStep> StepsOf(const std::vector<RegisterHistory::Operation>& operations) {
  using Kind = RegisterHistory::Kind;
  using Outcome = RegisterHistory::Outcome;
  std::set<std::string> seen;
  for (const auto& operation : operations) {
    if (operation.found.has_value()) seen.insert(*operation.found);
    if (operation.expected.has_value()) seen.insert(*operation.expected);
  }
  Numbers numbers;
  std::vector<RegisterStep> steps;
  for (const auto& operation : operations) {
    const bool done = operation.outcome == Outcome::kDone;
    if (operation.outcome == Outcome::kNever || (!done && operation.kind == Kind::kRead)) continue;
    // What may have been written and was seen by nobody may as well not have been written.
    if (!done && operation.value.has_value() && !seen.contains(*operation.value)) continue;
    RegisterStep step;
    step.begin = operation.begin;
    step.end = operation.end;
    step.optional = !done;
    if (operation.kind == Kind::kRead) {
      step.value = numbers.Of(operation.found);
    } else if (operation.kind == Kind::kWrite) {
      step.kind = RegisterStep::Kind::kWrite;
      step.value = numbers.Of(operation.value);
    } else {
      const bool failed = done && operation.found != operation.expected;
      step.kind = failed ? RegisterStep::Kind::kFailedSwap : RegisterStep::Kind::kSwap;
      step.value = numbers.Of(failed ? operation.found : operation.value);
      step.expected = numbers.Of(operation.expected);
    }
    steps.push_back(step);
  }
  return steps;
}

}  // namespace

RegisterHistory::Operation& RegisterHistory::Begin(const std::string& key, Kind kind,
                                                   std::string who, Handle& handle) {
  std::vector<Operation>& operations = keys_[key];
  handle = {key, operations.size()};
  Operation& operation = operations.emplace_back();
  operation.kind = kind;
  operation.begin = ++ticks_;
  operation.who = std::move(who);
  return operation;
}

RegisterHistory::Handle RegisterHistory::BeginRead(const std::string& key, std::string who) {
  Handle handle;
  Begin(key, Kind::kRead, std::move(who), handle);
  return handle;
}

RegisterHistory::Handle RegisterHistory::BeginWrite(const std::string& key, Value value,
                                                    std::string who) {
  Handle handle;
  Begin(key, Kind::kWrite, std::move(who), handle).value = std::move(value);
  return handle;
}

RegisterHistory::Handle RegisterHistory::BeginSwap(const std::string& key, Value expected,
                                                   Value value, std::string who) {
  Handle handle;
  Operation& operation = Begin(key, Kind::kSwap, std::move(who), handle);
  operation.expected = std::move(expected);
  operation.value = std::move(value);
  return handle;
}

void RegisterHistory::End(const Handle& handle, Outcome outcome, Value found) {
  Operation& operation = keys_.at(handle.key)[handle.index];
  operation.end = ++ticks_;
  operation.outcome = outcome;
  operation.found = std::move(found);
}

void RegisterHistory::Check(Violations* violations) const {
  for (const auto& [key, operations] : keys_) {
    const Verdict verdict = Linearize(StepsOf(operations), kBudget);
    if (verdict == Verdict::kLinearizable) continue;
    violations->Add(fmt::format("key {} {}:\n{}", key,
                                verdict == Verdict::kGaveUp
                                    ? "has too many operations to be checked"
                                    : "is not linearizable",
                                Describe(key)));
  }
}

std::string RegisterHistory::Describe() const {
  std::string text;
  for (const auto& [key, operations] : keys_) text += key + "\n" + Describe(key);
  return text;
}

std::string RegisterHistory::Describe(const std::string& key) const {
  std::string text;
  for (const Operation& operation : keys_.at(key)) {
    text += fmt::format("  [{}, {}] {} ", operation.begin, operation.end, operation.who);
    if (operation.kind == Kind::kRead) text += "reads";
    if (operation.kind == Kind::kWrite) text += "writes " + Show(operation.value);
    if (operation.kind == Kind::kSwap) {
      text += fmt::format("swaps {} for {}", Show(operation.expected), Show(operation.value));
    }
    if (operation.outcome == Outcome::kUnderWay) text += ": under way";
    if (operation.outcome == Outcome::kUnknown) text += ": unknown";
    if (operation.outcome == Outcome::kNever) text += ": refused";
    if (operation.outcome == Outcome::kDone && operation.kind != Kind::kWrite) {
      text += ": finds " + Show(operation.found);
    }
    text += "\n";
  }
  return text;
}

}  // namespace flotilla::testing
