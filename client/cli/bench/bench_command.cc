// `flotilla bench`: measures a cluster.
#include <spdlog/fmt/fmt.h>

#include <CLI/App.hpp>
#include <charconv>
#include <string>

#include "client/cli/bench/bench_runner.h"
#include "client/cli/command.h"
#include "client/cli/key_arguments.h"
#include "client/cli/table.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"
#include "common/env/thread_scheduler.h"

namespace flotilla::cli {
namespace {

// "5s", "500ms", "2m"; a bare number is seconds.
absl::StatusOr<env::Duration> ParseDuration(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, text.data() + text.size());
  double seconds = -1;
  if (error == std::errc() && number >= 0) {
    if (unit.empty() || unit == "s") seconds = number;
    if (unit == "ms") seconds = number / 1000;
    if (unit == "m") seconds = number * 60;
    if (unit == "h") seconds = number * 3600;
  }
  if (seconds < 0) {
    return absl::InvalidArgumentError(
        fmt::format("'{}' is not a duration: use 500ms, 5s, 2m or 1h", text));
  }
  return env::Duration(static_cast<int64_t>(seconds * 1e9));
}

double Micros(env::Duration duration) { return static_cast<double>(duration.count()) / 1000; }

std::string MicrosText(env::Duration duration) {
  const double micros = Micros(duration);
  return micros < 10'000 ? fmt::format("{:.0f} us", micros)
                         : fmt::format("{:.1f} ms", micros / 1000);
}

void AddLatencies(Json& json, const LatencyHistogram& latency) {
  json.Set("mean_us", Micros(latency.mean()));
  json.Set("p50_us", Micros(latency.Quantile(0.5)));
  json.Set("p99_us", Micros(latency.Quantile(0.99)));
  json.Set("p999_us", Micros(latency.Quantile(0.999)));
  json.Set("max_us", Micros(latency.max()));
}

class BenchCommand final : public Command {
 public:
  void Declare(CLI::App& app) override {
    std::string names;
    for (const std::string& name : WorkloadNames()) names += (names.empty() ? "" : ", ") + name;
    app.add_option("--workload", workload_, names + "; a to f are short for ycsb-a to ycsb-f")
        ->capture_default_str();
    app.add_option("--distribution", distribution_,
                   "Of keys: uniform, zipfian or latest; else the "
                   "workload's own")
        ->check(CLI::IsMember({"uniform", "zipfian", "latest"}));
    app.add_option("--keys", options_.keys, "Keys that are there")
        ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40))
        ->capture_default_str();
    app.add_option("--value-size", options_.value_size, "Bytes of a value")
        ->check(CLI::Range(size_t{0}, size_t{8} << 20))
        ->capture_default_str();
    app.add_option("--concurrency", options_.concurrency, "Operations in flight")
        ->check(CLI::Range(1, 65536))
        ->capture_default_str();
    app.add_option("--duration", duration_, "Length of the measured part")->capture_default_str();
    app.add_option("--count", options_.operations, "Operations, instead of a duration");
    app.add_option("--warm-up", warm_up_, "Time before the measured part")->capture_default_str();
    app.add_option("--rate", options_.rate, "Operations a second in all; 0: as fast as it goes")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    app.add_option("--transport", transport_, "batch or unary; --unary is the latter")
        ->check(CLI::IsMember({"batch", "unary"}));
    app.add_option("--key-prefix", options_.key_prefix, "Of the keys that are used")
        ->capture_default_str();
    app.add_option("--seed", seed_, "Of the keys and values; 0: another one each time")
        ->capture_default_str();
    app.add_flag("--no-load", no_load_,
                 "Do not write the keys first where the workload needs them");
  }

  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    absl::Status status = ReadOptions();
    if (!status.ok()) {
      console.err << "flotilla: " << FromAbsl(status.message()) << '\n';
      return ExitCode::kUsage;
    }
    client::ClientOptions client_options = context.client_options;
    if (transport_ == "batch") client_options.transport = client::Transport::kBatch;
    if (transport_ == "unary") client_options.transport = client::Transport::kUnary;
    const std::unique_ptr<Session> session = context.open_session(client_options);
    const auto client = session->raw();
    if (!client.ok()) return console.Fail(client.status());
    client::Executor executor(&context.clock);
    env::ThreadScheduler scheduler(&context.clock);
    executor.SetWaker(scheduler.Add(&executor));
    scheduler.Start();
    env::Random random(seed_ != 0 ? seed_ : env::Random::SystemSeed());
    status = LoadIfNeeded(context, **client, executor, random);
    if (!status.ok()) return console.Fail(status);
    BenchRunner runner(options_, *client, &executor, &context.clock, random);
    const BenchResult result = runner.Run();
    Print(console, client_options, result);
    const BenchResult::PerOperation all = result.Sum();
    if (all.errors > 0) return ExitCode::kFailed;
    return all.undetermined > 0 ? ExitCode::kUndetermined : ExitCode::kOk;
  }

 private:
  absl::Status ReadOptions() {
    const std::optional<Workload> workload = FindWorkload(workload_);
    if (!workload) {
      return absl::InvalidArgumentError(fmt::format("there is no workload '{}'", workload_));
    }
    options_.workload = *workload;
    if (distribution_ == "uniform") options_.workload.distribution = KeyDistribution::kUniform;
    if (distribution_ == "zipfian") options_.workload.distribution = KeyDistribution::kZipfian;
    if (distribution_ == "latest") options_.workload.distribution = KeyDistribution::kLatest;
    ASSIGN_OR_RETURN(options_.duration, ParseDuration(duration_));
    ASSIGN_OR_RETURN(options_.warm_up, ParseDuration(warm_up_));
    return absl::OkStatus();
  }

  // Reads of keys that are not there would measure something else.
  absl::Status LoadIfNeeded(CommandContext& context, client::RawClient& client,
                            client::Executor& executor, const env::Random& random) {
    if (!options_.workload.NeedsKeys() || no_load_) return absl::OkStatus();
    ASSIGN_OR_RETURN(const client::Checksum there,
                     client.ComputeChecksum(PrefixRange(options_.key_prefix)));
    if (there.keys >= options_.keys) return absl::OkStatus();
    BenchOptions load = options_;
    load.workload = *FindWorkload("load");
    load.rate = 0;
    load.operations = 0;
    load.concurrency = std::max<size_t>(options_.concurrency, 64);
    BenchRunner runner(load, &client, &executor, &context.clock, random.Fork("load"));
    const BenchResult result = runner.Run();
    if (!context.console.json) {
      context.console.out << fmt::format("wrote {} keys first, in {:.1f} s\n",
                                         WithCommas(options_.keys), result.seconds);
    }
    return result.first_error;
  }

  void Print(const Console& console, const client::ClientOptions& client_options,
             const BenchResult& result) const {
    if (console.json) return PrintAsJson(console, client_options, result);
    console.out << fmt::format("{}: {} in flight, {} B values, {} keys, {:.1f} s\n", workload_,
                               options_.concurrency, options_.value_size, WithCommas(options_.keys),
                               result.seconds);
    Table table({"OPERATION", ">COUNT", ">PER SECOND", ">P50", ">P99", ">P99.9", ">MAX", ">ERRORS",
                 ">UNDETERMINED"});
    const auto add = [&](std::string_view name, const BenchResult::PerOperation& one) {
      const LatencyHistogram& latency = one.latency;
      table.AddRow({std::string(name), WithCommas(latency.count()),
                    WithCommas(PerSecond(latency.count(), result.seconds)),
                    MicrosText(latency.Quantile(0.5)), MicrosText(latency.Quantile(0.99)),
                    MicrosText(latency.Quantile(0.999)), MicrosText(latency.max()),
                    WithCommas(one.errors), WithCommas(one.undetermined)});
    };
    ForEachUsed(result, add);
    add("all", result.Sum());
    table.Print(console.out);
    if (!result.first_error.ok()) {
      console.err << "flotilla: the first error: " << result.first_error.ToString() << '\n';
    }
  }

  // Calls `visit(name, operation)` for those that were done.
  template <typename Visit>
  static void ForEachUsed(const BenchResult& result, Visit visit) {
    for (size_t i = 0; i < result.operations.size(); ++i) {
      const BenchResult::PerOperation& one = result.operations[i];
      if (one.latency.count() + one.errors + one.undetermined == 0) continue;
      visit(BenchOperationName(static_cast<BenchOperation>(i)), one);
    }
  }

  static void AddCounts(Json& json, const BenchResult::PerOperation& one) {
    json.Set("operations", one.latency.count());
    json.Set("errors", one.errors).Set("undetermined", one.undetermined);
  }

  static uint64_t PerSecond(uint64_t count, double seconds) {
    return seconds <= 0 ? 0 : static_cast<uint64_t>(static_cast<double>(count) / seconds);
  }

  void PrintAsJson(const Console& console, const client::ClientOptions& client_options,
                   const BenchResult& result) const {
    const BenchResult::PerOperation all = result.Sum();
    Json json = Json::MakeObject();
    json.Set("workload", workload_).Set("concurrency", static_cast<uint64_t>(options_.concurrency));
    json.Set("value_size", static_cast<uint64_t>(options_.value_size)).Set("keys", options_.keys);
    json.Set("transport",
             client_options.transport == client::Transport::kBatch ? "batch" : "unary");
    AddCounts(json, all);
    json.Set("seconds", result.seconds);
    json.Set("per_second", PerSecond(all.latency.count(), result.seconds));
    AddLatencies(json, all.latency);
    json.Set("not_found", result.not_found).Set("rows_scanned", result.rows_scanned);
    Json parts = Json::MakeObject();
    ForEachUsed(result, [&](std::string_view name, const BenchResult::PerOperation& one) {
      Json part = Json::MakeObject();
      AddCounts(part, one);
      AddLatencies(part, one.latency);
      parts.Set(name, std::move(part));
    });
    json.Set("by_operation", std::move(parts));
    if (!result.first_error.ok()) json.Set("first_error", ToText(result.first_error.ToString()));
    console.PrintJson(json);
  }

  BenchOptions options_;
  std::string workload_ = "mixed";
  std::string distribution_;
  std::string duration_ = "10s";
  std::string warm_up_ = "0s";
  std::string transport_;
  uint64_t seed_ = 0;
  bool no_load_ = false;
};

}  // namespace

void DeclareBenchCommand(CommandTree& tree) {
  tree.Add<BenchCommand>(tree.root(), "bench", "Measure throughput and latency");
}

}  // namespace flotilla::cli
