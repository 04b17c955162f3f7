// `flotilla kv`: single keys and ranges.
#include <spdlog/fmt/fmt.h>

#include <CLI/App.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "client/cli/command.h"
#include "client/cli/key_arguments.h"
#include "client/cli/table.h"

namespace flotilla::cli {
namespace {

using client::KeyValue;
using client::RawClient;

// A command whose first argument is a key.
class OneKeyCommand : public Command {
 public:
  void Declare(CLI::App& app) final {
    app.add_option("key", key_, "Key")->required();
    DeclareRest(app);
  }
  ExitCode Run(CommandContext& context) final {
    const Console& console = context.console;
    if (const std::string_view misuse = Misuse(); !misuse.empty()) {
      console.err << "flotilla: " << misuse << '\n';
      return ExitCode::kUsage;
    }
    const auto key = FromText(key_, console.form);
    if (!key.ok()) return console.Fail(key.status());
    const auto client = context.session.raw();
    if (!client.ok()) return console.Fail(client.status());
    return RunWith(console, **client, *key);
  }

 protected:
  virtual void DeclareRest(CLI::App&) {}
  // What is wrong with the arguments; empty: nothing.
  virtual std::string_view Misuse() const { return {}; }
  virtual ExitCode RunWith(const Console& console, RawClient& client, const std::string& key) = 0;

  static ExitCode NoSuchKey(const Console& console, const std::string& key) {
    // With --json the answer on standard output says so.
    if (!console.json) {
      console.err << "flotilla: there is no key " << console.Text(key) << '\n';
    }
    return ExitCode::kNotFound;
  }

 private:
  std::string key_;
};

class GetCommand final : public OneKeyCommand {
  void DeclareRest(CLI::App& app) override {
    app.add_flag("--raw", raw_, "Write the value's bytes as they are, without a line end");
  }
  ExitCode RunWith(const Console& console, RawClient& client, const std::string& key) override {
    const auto value = client.Get(key);
    if (!value.ok()) return console.Fail(value.status());
    if (console.json) {
      Json json = Json::MakeObject();
      AddBytes(json, "key", key, console.form);
      json.Set("found", value->has_value());
      if (value->has_value()) AddBytes(json, "value", **value, console.form);
      console.PrintJson(json);
    } else if (value->has_value()) {
      console.out << (raw_ ? **value : console.Text(**value) + "\n");
    }
    return value->has_value() ? ExitCode::kOk : NoSuchKey(console, key);
  }

  bool raw_ = false;
};

class PutCommand final : public OneKeyCommand {
  void DeclareRest(CLI::App& app) override {
    app.add_option("value", value_, "Value; - reads the bytes of standard input")->required();
    app.add_option("--ttl", ttl_seconds_, "Seconds until the key goes away by itself; 0: never")
        ->check(CLI::NonNegativeNumber);
  }
  ExitCode RunWith(const Console& console, RawClient& client, const std::string& key) override {
    auto value = ReadValueArgument(value_, console);
    if (!value.ok()) return console.Fail(value.status());
    const absl::Status status =
        client.Put(key, *std::move(value), {.ttl = std::chrono::seconds(ttl_seconds_)});
    if (!status.ok()) return console.Fail(status);
    if (console.json) {
      Json json = Json::MakeObject();
      AddBytes(json, "key", key, console.form);
      console.PrintJson(json.Set("written", true));
    }
    return ExitCode::kOk;
  }

  std::string value_;
  int64_t ttl_seconds_ = 0;
};

class DeleteCommand final : public Command {
 public:
  void Declare(CLI::App& app) override {
    app.add_option("keys", keys_, "Keys");
    range_.Declare(app);
    app.add_flag("--all", all_, "Every key of the keyspace");
  }
  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    const bool has_range = range_.is_given();
    if (keys_.empty() + !has_range + !all_ != 2) {
      console.err << "flotilla: kv delete needs keys, or a range, or --all, and only one of them\n";
      return ExitCode::kUsage;
    }
    std::vector<std::string> keys;
    for (const std::string& text : keys_) {
      auto key = FromText(text, console.form);
      if (!key.ok()) return console.Fail(key.status());
      keys.push_back(*std::move(key));
    }
    const auto range = range_.Read(console.form);
    if (!range.ok()) return console.Fail(range.status());
    const auto client = context.session.raw();
    if (!client.ok()) return console.Fail(client.status());
    const absl::Status status =
        keys.empty() ? (*client)->DeleteRange(*range) : (*client)->BatchDelete(keys);
    if (!status.ok()) return console.Fail(status);
    if (console.json) console.PrintJson(Json::MakeObject().Set("deleted", true));
    return ExitCode::kOk;
  }

 private:
  std::vector<std::string> keys_;
  RangeArguments range_;
  bool all_ = false;
};

class ScanCommand final : public Command {
 public:
  void Declare(CLI::App& app) override {
    range_.Declare(app);
    app.add_option("--limit", limit_, "Rows at most; 0: all")->capture_default_str();
    app.add_flag("--reverse", reverse_, "From the end of the range down");
    app.add_flag("--keys-only", keys_only_, "Leave the values out");
  }
  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    const auto range = range_.Read(console.form);
    if (!range.ok()) return console.Fail(range.status());
    const auto client = context.session.raw();
    if (!client.ok()) return console.Fail(client.status());
    // One row more than is printed tells whether there is more.
    const uint64_t asked = limit_ == 0 ? 0 : limit_ + 1;
    auto pairs =
        (*client)->Scan(*range, {.limit = asked, .reverse = reverse_, .key_only = keys_only_});
    if (!pairs.ok()) return console.Fail(pairs.status());
    const bool has_more = limit_ > 0 && pairs->size() > limit_;
    if (has_more) pairs->pop_back();
    Print(console, *pairs, has_more);
    if (has_more) {
      console.err << fmt::format("flotilla: there are more rows than --limit {}\n", limit_);
    }
    return ExitCode::kOk;
  }

 private:
  void Print(const Console& console, const RawClient::Pairs& pairs, bool has_more) const {
    if (console.json) {
      PrintAsJson(console, pairs, has_more);
    } else {
      for (const KeyValue& pair : pairs) {
        console.out << console.Text(pair.key);
        if (!keys_only_) console.out << '\t' << console.Text(pair.value);
        console.out << '\n';
      }
    }
  }
  void PrintAsJson(const Console& console, const RawClient::Pairs& pairs, bool has_more) const {
    Json rows = Json::MakeArray();
    for (const KeyValue& pair : pairs) {
      Json row = Json::MakeObject();
      AddBytes(row, "key", pair.key, console.form);
      if (!keys_only_) AddBytes(row, "value", pair.value, console.form);
      rows.Append(std::move(row));
    }
    Json json = Json::MakeObject();
    json.Set("rows", std::move(rows));
    if (has_more) json.Set("more", true);
    console.PrintJson(json);
  }

  RangeArguments range_;
  uint64_t limit_ = 100;
  bool reverse_ = false;
  bool keys_only_ = false;
};

class CasCommand final : public OneKeyCommand {
  void DeclareRest(CLI::App& app) override {
    app.add_option("value", value_, "Value to write; - reads the bytes of standard input")
        ->required();
    auto* expect = app.add_option("--expect", expected_, "Write if the key holds this value");
    app.add_flag("--absent", absent_, "Write if there is no such key")->excludes(expect);
  }
  std::string_view Misuse() const override {
    return expected_ || absent_ ? "" : "kv cas needs --expect VALUE or --absent";
  }
  ExitCode RunWith(const Console& console, RawClient& client, const std::string& key) override {
    auto value = ReadValueArgument(value_, console);
    if (!value.ok()) return console.Fail(value.status());
    RawClient::Value expected;
    if (expected_) {
      auto decoded = FromText(*expected_, console.form);
      if (!decoded.ok()) return console.Fail(decoded.status());
      expected = *std::move(decoded);
    }
    const auto result = client.CompareAndSwap(key, expected, *std::move(value));
    if (!result.ok()) return console.Fail(result.status());
    Print(console, *result);
    return result->swapped ? ExitCode::kOk : ExitCode::kNotSwapped;
  }

  static void Print(const Console& console, const client::CasResult& result) {
    if (console.json) {
      Json json = Json::MakeObject();
      json.Set("swapped", result.swapped).Set("found", result.previous.has_value());
      if (result.previous) AddBytes(json, "previous", *result.previous, console.form);
      console.PrintJson(json);
    } else if (!result.swapped) {
      console.out << "not swapped: "
                  << (result.previous ? "the key holds " + console.Text(*result.previous)
                                      : "there is no such key")
                  << '\n';
    } else {
      console.out << "swapped\n";
    }
  }

  std::string value_;
  std::optional<std::string> expected_;
  bool absent_ = false;
};

class TtlCommand final : public OneKeyCommand {
  ExitCode RunWith(const Console& console, RawClient& client, const std::string& key) override {
    const auto ttl = client.GetTtl(key);
    if (!ttl.ok()) return console.Fail(ttl.status());
    if (console.json) {
      Json json = Json::MakeObject();
      json.Set("found", ttl->has_value());
      if (*ttl) json.Set("ttl_seconds", static_cast<int64_t>((*ttl)->count()));
      console.PrintJson(json);
    } else if (*ttl && (*ttl)->count() == 0) {
      console.out << "no end\n";
    } else if (*ttl) {
      console.out << (*ttl)->count() << " s\n";
    }
    return ttl->has_value() ? ExitCode::kOk : NoSuchKey(console, key);
  }
};

}  // namespace

void DeclareKvCommands(CommandTree& tree) {
  CLI::App& kv = tree.AddGroup(tree.root(), "kv", "Keys and values");
  tree.Add<GetCommand>(kv, "get", "Print a key's value");
  tree.Add<PutCommand>(kv, "put", "Write a key");
  tree.Add<DeleteCommand>(kv, "delete", "Delete keys or a range");
  tree.Add<ScanCommand>(kv, "scan", "Print the pairs of a range");
  tree.Add<CasCommand>(kv, "cas", "Write a key if it holds what is expected (compare and swap)");
  tree.Add<TtlCommand>(kv, "ttl", "Print how long a key has to live");
  DeclareTransferCommands(tree, kv);
  DeclareShellCommand(tree, kv);
}

}  // namespace flotilla::cli
