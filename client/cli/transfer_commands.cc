// `flotilla kv load`, `dump` and `checksum`: whole data sets.
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>

#include <CLI/App.hpp>
#include <fstream>
#include <string>

#include "client/cli/command.h"
#include "client/cli/command_words.h"
#include "client/cli/key_arguments.h"
#include "client/cli/load_verifier.h"
#include "client/cli/loader.h"
#include "client/cli/progress_bar.h"
#include "client/cli/range_reader.h"
#include "client/cli/record_reader.h"
#include "client/cli/table.h"
#include "common/base/bytes.h"
#include "common/base/status_macros.h"

namespace flotilla::cli {
namespace {

using client::Checksum;

// 0 when it is no regular file.
uint64_t FileBytes(const std::string& path) {
  struct stat info {};
  if (path == "-" || stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  return static_cast<uint64_t>(info.st_size);
}

double SecondsSince(const env::Clock& clock, env::Instant start) {
  return std::max(std::chrono::duration<double>(clock.Now() - start).count(), 1e-6);
}

std::string ChecksumText(const Checksum& checksum) {
  return fmt::format("{} keys, {}, crc64 {:016x}", WithCommas(checksum.keys),
                     HumanBytes(checksum.bytes), checksum.crc64_xor);
}

void AddChecksum(Json& json, const Checksum& checksum) {
  json.Set("keys", checksum.keys);
  json.Set("bytes", checksum.bytes);
  json.Set("crc64_xor", fmt::format("{:016x}", checksum.crc64_xor));
}

// The scans that a command makes of a range.
class ScanArguments {
 public:
  void Declare(CLI::App& app, const std::string& concurrency) {
    range_.Declare(app);
    app.add_option("--concurrency", scans_, concurrency)
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
  }
  absl::StatusOr<client::Range> ReadRange(ByteForm form) const { return range_.Read(form); }
  absl::StatusOr<std::unique_ptr<RangeReader>> Open(Session& session, const client::Range& range,
                                                    RangeReader::Order order) const {
    ASSIGN_OR_RETURN(client::RawClient* const client, session.raw());
    ASSIGN_OR_RETURN(client::RegionAdmin* const regions, session.regions());
    ASSIGN_OR_RETURN(std::vector<client::Range> parts, CutByRegions(*regions, range));
    return std::make_unique<RangeReader>(client, std::move(parts),
                                         RangeReader::Options{.order = order, .scans = scans_});
  }

 private:
  RangeArguments range_;
  size_t scans_ = 8;
};

class LoadCommand final : public Command {
 public:
  void Declare(CLI::App& app) override {
    app.add_option("file", file_, "File to read; - is standard input")
        ->required()
        ->type_name(kFileType);
    app.add_option("--format", format_, "tsv, jsonl or deb822 (stanzas, as `apt-cache dumpavail`)")
        ->check(CLI::IsMember({"tsv", "jsonl", "deb822"}))
        ->capture_default_str();
    app.add_option("--key", key_field_, "With deb822: the field that is the key")
        ->capture_default_str();
    app.add_option("--prefix", prefix_, "Put before every key");
    app.add_option("--batches", batches_, "Batches in flight")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    app.add_flag("--verify", verify_, "Compare what is stored with what was read, in the end");
  }

  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    const absl::StatusOr<Outcome> outcome = Load(context);
    if (!outcome.ok()) return console.Fail(outcome.status());
    Print(console, *outcome);
    return ExitCode::kOk;
  }

 private:
  struct Outcome {
    uint64_t records = 0;
    uint64_t bytes = 0;
    double seconds = 0;
    Checksum verified;
  };

  absl::StatusOr<Outcome> Load(CommandContext& context) {
    const Console& console = context.console;
    std::ifstream file;
    if (file_ != "-") {
      file.open(file_, std::ios::binary);
      if (!file) return absl::InvalidArgumentError(fmt::format("cannot read {}", file_));
    }
    ASSIGN_OR_RETURN(const std::string prefix, FromText(prefix_, console.form));
    ASSIGN_OR_RETURN(client::RawClient* const client, context.session.raw());
    ASSIGN_OR_RETURN(client::RegionAdmin* const regions, context.session.regions());
    LoadVerifier verifier(client, regions);
    if (verify_) RETURN_IF_ERROR(verifier.Prepare(PrefixRange(prefix)));
    const env::Instant start = context.clock.Now();
    const auto reader = OpenRecords(*RecordFormatOf(format_), key_field_, console.form,
                                    file_ == "-" ? console.in : file);
    Outcome outcome;
    RETURN_IF_ERROR(Copy(context, *reader, prefix, client, verifier, outcome));
    outcome.seconds = SecondsSince(context.clock, start);
    if (verify_) {
      ASSIGN_OR_RETURN(outcome.verified, verifier.Verify());
    }
    return outcome;
  }

  absl::Status Copy(CommandContext& context, RecordReader& reader, const std::string& prefix,
                    client::RawClient* client, LoadVerifier& verifier, Outcome& outcome) {
    ProgressBar progress(context.console, context.clock, "loaded", FileBytes(file_));
    Loader loader(client, {.batches_in_flight = batches_});
    while (true) {
      ASSIGN_OR_RETURN(std::optional<client::KeyValue> pair, reader.Next());
      if (!pair) break;
      if (!prefix.empty()) pair->key.insert(0, prefix);
      if (verify_) verifier.Add(*pair);
      ++outcome.records;
      outcome.bytes += pair->key.size() + pair->value.size();
      RETURN_IF_ERROR(loader.Add(*std::move(pair)));
      progress.Update(reader.bytes_read(), loader.records_written());
    }
    RETURN_IF_ERROR(loader.Finish());
    progress.Finish(outcome.records);
    return absl::OkStatus();
  }

  void Print(const Console& console, const Outcome& outcome) const {
    const double rate = static_cast<double>(outcome.records) / outcome.seconds;
    if (!console.json) {
      console.out << fmt::format("loaded {} records, {}, in {:.1f} s ({}/s)\n",
                                 WithCommas(outcome.records), HumanBytes(outcome.bytes),
                                 outcome.seconds, WithCommas(static_cast<uint64_t>(rate)));
      if (verify_) console.out << "verified: " << ChecksumText(outcome.verified) << '\n';
      return;
    }
    Json json = Json::MakeObject();
    json.Set("records", outcome.records).Set("bytes", outcome.bytes);
    json.Set("seconds", outcome.seconds).Set("records_per_second", rate);
    if (verify_) {
      Json verified = Json::MakeObject();
      AddChecksum(verified, outcome.verified);
      json.Set("verified", std::move(verified));
    }
    console.PrintJson(json);
  }

  std::string file_;
  std::string format_ = "tsv";
  std::string key_field_ = "Package";
  std::string prefix_;
  size_t batches_ = 16;
  bool verify_ = false;
};

class DumpCommand final : public Command {
 public:
  void Declare(CLI::App& app) override {
    scan_.Declare(app, "Regions read at a time");
    app.add_option("--format", format_, "tsv or jsonl")
        ->check(CLI::IsMember({"tsv", "jsonl"}))
        ->capture_default_str();
    app.add_option("--output", output_, "File to write; else standard output")
        ->type_name(kFileType);
  }

  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    const absl::Status status = Dump(context);
    if (!status.ok()) return console.Fail(status);
    if (output_.empty()) return ExitCode::kOk;
    if (console.json) {
      console.PrintJson(Json::MakeObject().Set("records", records_).Set("file", output_));
    } else {
      console.out << "dumped " << WithCommas(records_) << " records to " << output_ << '\n';
    }
    return ExitCode::kOk;
  }

 private:
  absl::Status Dump(CommandContext& context) {
    const Console& console = context.console;
    ASSIGN_OR_RETURN(const client::Range range, scan_.ReadRange(console.form));
    std::ofstream file;
    if (!output_.empty()) {
      file.open(output_, std::ios::binary | std::ios::trunc);
      if (!file) return absl::InvalidArgumentError(fmt::format("cannot write {}", output_));
    }
    std::ostream& out = output_.empty() ? console.out : file;
    // With --json the lines themselves are JSON.
    const RecordFormat format =
        console.json && output_.empty() ? RecordFormat::kJsonl : *RecordFormatOf(format_);
    ASSIGN_OR_RETURN(const uint64_t total, CountForProgress(context, range));
    ProgressBar progress(console, context.clock, "dumped", total);
    ASSIGN_OR_RETURN(const auto reader,
                     scan_.Open(context.session, range, RangeReader::Order::kByKey));
    while (true) {
      ASSIGN_OR_RETURN(const client::RawClient::Pairs pairs, reader->NextPage());
      if (pairs.empty()) break;
      for (const client::KeyValue& pair : pairs) out << FormatRecord(format, pair, console.form);
      records_ += pairs.size();
      progress.Update(records_, records_);
    }
    out.flush();
    if (!out) return absl::UnknownError("the output could not be written in full");
    progress.Finish(records_);
    return absl::OkStatus();
  }

  // The stores count by themselves, but read all for it: only where the bar is seen.
  static absl::StatusOr<uint64_t> CountForProgress(CommandContext& context,
                                                   const client::Range& range) {
    if (!context.console.shows_progress()) return 0;
    ASSIGN_OR_RETURN(client::RawClient* const client, context.session.raw());
    ASSIGN_OR_RETURN(const Checksum checksum, client->ComputeChecksum(range));
    return checksum.keys;
  }

  ScanArguments scan_;
  std::string format_ = "tsv";
  std::string output_;
  uint64_t records_ = 0;
};

class ChecksumCommand final : public Command {
 public:
  void Declare(CLI::App& app) override {
    scan_.Declare(app, "With --read: regions read at a time");
    app.add_flag("--read", read_, "Read every pair and compute it here, not in the stores");
  }

  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    const absl::StatusOr<Checksum> checksum = Compute(context);
    if (!checksum.ok()) return console.Fail(checksum.status());
    if (console.json) {
      Json json = Json::MakeObject();
      AddChecksum(json, *checksum);
      console.PrintJson(json);
    } else {
      console.out << ChecksumText(*checksum) << '\n';
    }
    return ExitCode::kOk;
  }

 private:
  absl::StatusOr<Checksum> Compute(CommandContext& context) const {
    ASSIGN_OR_RETURN(const client::Range range, scan_.ReadRange(context.console.form));
    ASSIGN_OR_RETURN(client::RawClient* const client, context.session.raw());
    if (!read_) return client->ComputeChecksum(range);
    ASSIGN_OR_RETURN(const auto reader,
                     scan_.Open(context.session, range, RangeReader::Order::kAny));
    Checksum sum;
    while (true) {
      ASSIGN_OR_RETURN(const client::RawClient::Pairs pairs, reader->NextPage());
      if (pairs.empty()) return sum;
      for (const client::KeyValue& pair : pairs) {
        const Checksum one = client->ChecksumOf(pair);
        sum.crc64_xor ^= one.crc64_xor;
        sum.bytes += one.bytes;
        ++sum.keys;
      }
    }
  }

  ScanArguments scan_;
  bool read_ = false;
};

}  // namespace

void DeclareTransferCommands(CommandTree& tree, CLI::App& kv) {
  tree.Add<LoadCommand>(
      kv, "load", "Write the records of a file, whose keys nothing else is to write meanwhile");
  tree.Add<DumpCommand>(kv, "dump", "Write the pairs of a range to a file");
  tree.Add<ChecksumCommand>(kv, "checksum", "Print count, size and checksum of a range");
}

}  // namespace flotilla::cli
