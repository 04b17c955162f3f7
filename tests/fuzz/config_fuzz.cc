// Configuration: files in TOML, flags, durations and sizes. What is accepted prints as a file that
// is accepted and means the same.
#include <chrono>
#include <vector>

#include "common/base/check.h"
#include "common/config/option_set.h"
#include "common/config/toml_file.h"
#include "common/config/value.h"
#include "pd/pd_config.h"
#include "store/store_config.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"

namespace flotilla::fuzz {
namespace {

template <typename Config>
void ReadFile(std::string_view text, void (*add_options)(config::OptionSet&, Config&)) {
  Config first;
  config::OptionSet options("program", "A program.");
  add_options(options, first);
  if (!options.ParseToml(text, "file.toml").ok() || !options.Check().ok()) return;
  options.ToJson();
  const std::string printed = options.ToToml();
  Config second;
  config::OptionSet again("program", "A program.");
  add_options(again, second);
  CHECK_OK(again.ParseToml(printed, "printed.toml")) << printed;
  CHECK_OK(again.Check());
  CHECK(again.ToToml() == printed) << printed << again.ToToml();
}

void ReadFlags(std::string_view text) {
  std::vector<std::string> words = {"flotilla-store"};
  FuzzInput in(text);
  while (!in.empty() && words.size() < 20) words.emplace_back(in.Piece());
  std::vector<const char*> arguments;
  for (const std::string& word : words) {
    // The file that it names is not the input's to choose.
    if (word.find("config") == std::string::npos) arguments.push_back(word.c_str());
  }
  store::StoreConfig config;
  config::OptionSet options("flotilla-store", "A store.");
  store::AddOptions(options, config);
  options.Parse(static_cast<int>(arguments.size()), arguments.data()).status().IgnoreError();
}

void ReadValues(std::string_view text) {
  const auto duration = config::ParseDuration(text);
  if (duration.ok()) {
    CHECK_GE(duration->count(), 0);
    const auto again = config::ParseDuration(config::FormatDuration(*duration));
    CHECK_OK(again.status());
    CHECK_EQ(again->count(), duration->count());
  }
  const auto size = config::ParseSize(text);
  if (size.ok()) {
    CHECK_GE(*size, 0);
    const auto again = config::ParseSize(config::FormatSize(*size));
    CHECK_OK(again.status());
    CHECK_EQ(*again, *size);
  }
  for (const auto kind : {config::Kind::kBool, config::Kind::kInteger, config::Kind::kReal,
                          config::Kind::kString, config::Kind::kStringList}) {
    const auto value = config::ParseValue(kind, text);
    if (value.ok()) config::ToJson(kind, *value);
  }
}

class ConfigTarget final : public FuzzTarget {
 public:
  void Run(std::string_view input) override {
    FuzzInput in(input);
    switch (in.Below(4)) {
      case 0:
        return ReadFile<store::StoreConfig>(in.Rest(), &store::AddOptions);
      case 1:
        return ReadFile<pd::PdConfig>(in.Rest(), &pd::AddOptions);
      case 2:
        return ReadFlags(in.Rest());
      default:
        return ReadValues(in.Rest());
    }
  }
  std::vector<std::string> Seeds() const override {
    store::StoreConfig store;
    config::OptionSet store_options("flotilla-store", "A store.");
    store::AddOptions(store_options, store);
    pd::PdConfig pd;
    config::OptionSet pd_options("flotilla-pd", "A PD member.");
    pd::AddOptions(pd_options, pd);
    return {std::string(1, '\0') + store_options.ToToml(),
            "\1" + pd_options.ToToml(),
            "\2" + AsPiece("--raft.tick=1h30m") + AsPiece("--labels") + AsPiece("zone=a,rack=b"),
            std::string(1, '\0') + "[raft]\ntick = \"1s\"\nworkers = 2\n",
            "\0031h30m",
            "\0031.5GiB",
            "\3-9223372036854775808",
            "\3a,b"};
  }
};

}  // namespace

std::unique_ptr<FuzzTarget> MakeConfigTarget() { return std::make_unique<ConfigTarget>(); }

}  // namespace flotilla::fuzz
