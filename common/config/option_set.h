// The options of one component: declared once, then read from a TOML file and from flags, checked,
// and printed as help, TOML and JSON.
//
//   config::OptionSet options("flotilla-store", "A store of a Flotilla cluster.");
//   options.Add(&config.listen, {"listen", "Address that clients and stores connect to."});
//   options.Add(&config.raft_tick, {"raft.tick", "Length of a Raft tick."}, {10ms, 10s});
//   options.AddSize(&config.split_size, {"split.size", "Size at which ..."}, {64 * kKiB, 8 *
//   kGiB}); options.AddCheck([&] { return config.a < config.b ? absl::OkStatus() : ...; }); if
//   (auto exit_code = options.HandleCommandLine(argc, argv, std::cout, std::cerr)) {
//     return *exit_code;
//   }
//
// A dotted name is a key in a table: "raft.tick" is `tick` in `[raft]` of the file, and
// --raft.tick. The default is what the variable holds when it is added. Flags win over the file.
// Besides the declared flags there are --config, --check-config, --print-config, --version and
// --help.
//
// Errors name the file and line or the flag, the key, and the limit that was broken.
//
// Not thread-safe: used by main() before other threads start; ToJson and ToToml only read.
#ifndef FLOTILLA_COMMON_CONFIG_OPTION_SET_H_
#define FLOTILLA_COMMON_CONFIG_OPTION_SET_H_

#include <algorithm>
#include <chrono>
#include <concepts>
#include <functional>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/option.h"

namespace flotilla::config {

// What an option is called and means.
struct Doc {
  std::string name;
  std::string description;
  // Of a number: "regions", "percent". Durations and sizes carry their own.
  std::string unit = "";
  bool required = false;
};

// Inclusive limits.
template <typename T>
struct Range {
  T least;
  T most;
};

template <typename T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;

// What both T and 63 bits can hold.
template <Integer T>
constexpr Range<T> AllOf() {
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr uint64_t kMostOfT = std::numeric_limits<T>::max();
  return {std::numeric_limits<T>::min(), static_cast<T>(std::min(kMost, kMostOfT))};
}

// What the command line asks for.
enum class Action { kRun, kHelp, kVersion, kCheckConfig, kPrintConfig };

class OptionSet {
 public:
  // `program` is the name of the binary; `description` one sentence for --help.
  OptionSet(std::string program, std::string description);

  // Each Add takes a variable that outlives the set and holds the default.
  // REQUIRES: no option of this name yet; the default is within the limits.
  void Add(bool* value, Doc doc);
  void Add(double* value, Doc doc, Range<double> range);
  void Add(std::string* value, Doc doc, std::vector<std::string> choices = {});
  // On the command line separated by commas.
  void Add(std::vector<std::string>* value, Doc doc);
  void Add(std::chrono::nanoseconds* value, Doc doc, Range<std::chrono::nanoseconds> range);
  // Whole milliseconds only.
  void Add(std::chrono::milliseconds* value, Doc doc, Range<std::chrono::milliseconds> range);
  // A number of bytes, written with a unit.
  void AddSize(uint64_t* value, Doc doc, Range<uint64_t> range);
  // Whole numbers, of at most 63 bits.
  template <Integer T>
  void Add(T* value, Doc doc, std::type_identity_t<Range<T>> range = AllOf<T>());

  // A check of several values together; runs after all were set. Its status is the error.
  void AddCheck(std::function<absl::Status()> check);

  // Sets the variables from the file that --config names, then from the flags, and checks them.
  // With kHelp and kVersion nothing was checked. `argv[0]` is skipped.
  absl::StatusOr<Action> Parse(int argc, const char* const* argv);

  // Parse, and everything that ends there: prints help, version, the effective configuration or
  // "OK" to `out`, an error to `err`. Returns the exit code with which the process shall end, or
  // nothing when it shall run.
  std::optional<int> HandleCommandLine(int argc, const char* const* argv, std::ostream& out,
                                       std::ostream& err);

  // For tests and for assemblies without a command line: as a file called `file_name`.
  absl::Status ParseToml(std::string_view text, std::string_view file_name);
  // Required values and AddCheck's checks.
  absl::Status Check() const;

  // Every option with kind, unit, default and limits.
  std::string HelpText() const;
  // The effective values, each with its description as a comment; reads back as a --config file.
  std::string ToToml() const;
  // The effective values as nested JSON objects, for the HTTP /config endpoint.
  std::string ToJson() const;

  const std::vector<Option>& options() const { return options_; }

 private:
  void AddOption(Option option, Doc doc);
  void AddNumber(Kind kind, Doc doc, Range<int64_t> range, std::function<absl::Status(int64_t)> set,
                 std::function<int64_t()> get);
  const Option* Find(std::string_view name) const;
  absl::Status ApplyFlags(const std::vector<std::pair<std::string, std::string>>& flags);

  const std::string program_;
  const std::string description_;
  std::vector<Option> options_;
  std::vector<std::function<absl::Status()>> checks_;
};

template <Integer T>
// It is moved; the check does not see that where nothing instantiates the template.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
void OptionSet::Add(T* value, Doc doc, std::type_identity_t<Range<T>> range) {
  AddNumber(
      Kind::kInteger, std::move(doc),
      {static_cast<int64_t>(range.least), static_cast<int64_t>(range.most)},
      [value](int64_t number) {
        *value = static_cast<T>(number);
        return absl::OkStatus();
      },
      [value] { return static_cast<int64_t>(*value); });
}

}  // namespace flotilla::config

#endif  // FLOTILLA_COMMON_CONFIG_OPTION_SET_H_
