#include "tests/sim/report_text.h"

#include <spdlog/fmt/fmt.h>

namespace flotilla::sim {
namespace {

constexpr size_t kLastNotes = 60;

}  // namespace

std::string TextOf(const Report& report, Notes which) {
  std::string text =
      fmt::format("seed {}, event hash {:016x}\n{}", report.seed, report.hash, report.plan);
  const size_t notes = report.notes.size();
  const size_t first = which == Notes::kNone ? notes : notes <= kLastNotes ? 0 : notes - kLastNotes;
  if (first > 0 && which == Notes::kLast) text += fmt::format("... {} events before\n", first);
  for (size_t i = first; i < notes; ++i) text += report.notes[i] + "\n";
  for (const std::string& violation : report.violations) text += "VIOLATION: " + violation + "\n";
  return text;
}

void Summary::Add(const Report& report) {
  ++seeds_;
  steps_ += report.steps;
  regions_ += report.regions;
  hashes_[report.seed] = report.hash;
  damage_found_ += report.damage_found;
  simulated_ += report.simulated;
  for (const auto& [name, count] : report.faults) faults_[name] += count;
  for (const auto& [name, tally] : report.operations) {
    testing::Tally& sum = operations_[name];
    sum.done += tally.done;
    sum.unknown += tally.unknown;
    sum.refused += tally.refused;
  }
}

uint64_t Summary::operations() const {
  uint64_t sum = 0;
  for (const auto& [name, tally] : operations_) sum += tally.done;
  return sum;
}

uint64_t Summary::faults() const {
  uint64_t sum = 0;
  for (const auto& [name, count] : faults_) sum += count;
  return sum;
}

std::string Summary::Text() const {
  uint64_t hash = 0;
  for (const auto& [seed, its] : hashes_) hash = hash * 31 + its;
  std::string text = fmt::format(
      "{} seeds, {:.2f} simulated hours, {} steps, {} regions, hash {:016x}\nfaults:", seeds_,
      env::Seconds(simulated_) / 3600, steps_, regions_, hash);
  for (const auto& [name, count] : faults_) text += fmt::format(" {} {},", name, count);
  text += fmt::format(" {} in all; damage found {} times\noperations (done / unknown / refused):\n",
                      faults(), damage_found_);
  for (const auto& [name, tally] : operations_) {
    text +=
        fmt::format("  {:<18} {:>9} {:>9} {:>9}\n", name, tally.done, tally.unknown, tally.refused);
  }
  return text;
}

}  // namespace flotilla::sim
