// `flotilla region`: the cut of the key space.
#include <spdlog/fmt/fmt.h>

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/key_arguments.h"
#include "client/cli/region_text.h"
#include "common/base/status_macros.h"

namespace flotilla::cli {
namespace {

class ListCommand final : public Command {
 public:
  void Declare(CLI::App& app) override {
    app.add_flag("--all", all_, "Of every keyspace, not only of this one");
    app.add_option("--limit", limit_, "Regions at most; 0: all")->capture_default_str();
  }
  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    const auto admin = context.session.admin();
    if (!admin.ok()) return console.Fail(admin.status());
    const auto regions = context.session.regions();
    if (!regions.ok()) return console.Fail(regions.status());
    const KeyRange range = all_ ? KeyRange() : (*regions)->ToRegionRange({});
    const auto found = (*admin)->Regions(range, limit_);
    if (!found.ok()) return console.Fail(found.status());
    const auto checks = LoadChecks(**admin);
    if (!checks.ok()) return console.Fail(checks.status());
    const client::KeyCodec& codec = (*regions)->codec();
    if (console.json) {
      Json list = Json::MakeArray();
      for (const pdpb::Region& region : *found) {
        list.Append(RegionToJson(codec, region, console, *checks));
      }
      console.PrintJson(Json::MakeObject().Set("regions", std::move(list)));
    } else {
      Table table = MakeRegionTable();
      for (const pdpb::Region& region : *found) {
        AddRegionRow(table, codec, region, console, *checks);
      }
      table.Print(console.out);
    }
    return ExitCode::kOk;
  }

 private:
  bool all_ = false;
  size_t limit_ = 0;
};

// Prints the one region that a command found.
ExitCode PrintRegion(CommandContext& context, const absl::StatusOr<pdpb::Region>& region) {
  const Console& console = context.console;
  if (!region.ok()) return console.Fail(region.status());
  const auto regions = context.session.regions();
  if (!regions.ok()) return console.Fail(regions.status());
  const client::KeyCodec& codec = (*regions)->codec();
  const auto admin = context.session.admin();
  if (!admin.ok()) return console.Fail(admin.status());
  const auto checks = LoadChecks(**admin);
  if (!checks.ok()) return console.Fail(checks.status());
  if (console.json) {
    console.PrintJson(RegionToJson(codec, *region, console, *checks));
    return ExitCode::kOk;
  }
  Table table = MakeRegionTable();
  AddRegionRow(table, codec, *region, console, *checks);
  table.Print(console.out);
  return ExitCode::kOk;
}

class ShowCommand final : public Command {
 public:
  void Declare(CLI::App& app) override { app.add_option("id", id_, "Region id")->required(); }
  ExitCode Run(CommandContext& context) override {
    const auto admin = context.session.admin();
    if (!admin.ok()) return context.console.Fail(admin.status());
    return PrintRegion(context, (*admin)->RegionById(RegionId(id_)));
  }

 private:
  uint64_t id_ = 0;
};

class KeyCommand final : public Command {
 public:
  void Declare(CLI::App& app) override { app.add_option("key", key_, "Key")->required(); }
  ExitCode Run(CommandContext& context) override {
    const auto key = FromText(key_, context.console.form);
    if (!key.ok()) return context.console.Fail(key.status());
    const auto regions = context.session.regions();
    if (!regions.ok()) return context.console.Fail(regions.status());
    return PrintRegion(context, (*regions)->RegionOf(*key));
  }

 private:
  std::string key_;
};

class SplitCommand final : public Command {
 public:
  void Declare(CLI::App& app) override {
    app.add_option("keys,--key", keys_, "Keys at which regions are to start")->required();
  }
  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    std::vector<std::string> keys;
    for (const std::string& text : keys_) {
      auto key = FromText(text, console.form);
      if (key.ok() && key->empty()) key = absl::InvalidArgumentError("a split key is empty");
      if (!key.ok()) return console.Fail(key.status());
      keys.push_back(*std::move(key));
    }
    const auto regions = context.session.regions();
    if (!regions.ok()) return console.Fail(regions.status());
    const auto parts = (*regions)->Split(std::move(keys));
    if (!parts.ok()) return console.Fail(parts.status());
    Print(console, (*regions)->codec(), *parts);
    return ExitCode::kOk;
  }

 private:
  static void Print(const Console& console, const client::KeyCodec& codec,
                    const std::vector<metapb::Region>& parts) {
    Json list = Json::MakeArray();
    Table table = MakeRegionTable();
    for (const metapb::Region& part : parts) {
      pdpb::Region region;
      *region.mutable_region() = part;
      list.Append(RegionToJson(codec, region, console));
      AddRegionRow(table, codec, region, console);
    }
    if (console.json) {
      console.PrintJson(Json::MakeObject().Set("regions", std::move(list)));
    } else if (parts.empty()) {
      console.out << "nothing to split: a region starts at each of these keys\n";
    } else {
      table.Print(console.out);
    }
  }

  std::vector<std::string> keys_;
};

}  // namespace

void DeclareRegionCommands(CommandTree& tree) {
  CLI::App& region = tree.AddGroup(tree.root(), "region", "Regions, into which the keys are cut");
  tree.Add<ListCommand>(region, "list", "List the regions of the keyspace");
  tree.Add<ShowCommand>(region, "show", "Show a region by its id");
  tree.Add<KeyCommand>(region, "key", "Show the region that holds a key");
  tree.Add<SplitCommand>(region, "split", "Split regions at keys");
  DeclareRepairCommands(tree, region);
}

}  // namespace flotilla::cli
