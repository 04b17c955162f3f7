// `flotilla store` and `flotilla keyspace`: what PD keeps of them.
#include <spdlog/fmt/fmt.h>

#include <CLI/App.hpp>
#include <map>
#include <string>

#include "client/cli/cluster_health.h"
#include "client/cli/command.h"
#include "client/cli/confirmation.h"
#include "client/cli/table.h"

namespace flotilla::cli {
namespace {

class StoreListCommand final : public Command {
 public:
  void Declare(CLI::App&) override {}
  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    const auto state = CollectClusterState(context.session, context.clock.WallMillis());
    if (!state.ok()) return console.Fail(state.status());
    if (console.json) {
      console.PrintJson(Json::MakeObject().Set("stores", StoresToJson(*state)));
    } else {
      PrintStores(*state, console.out);
    }
    return ExitCode::kOk;
  }
};

class DeclareLostCommand final : public Command {
 public:
  void Declare(CLI::App& app) override {
    app.add_option("store", store_, "Its id, as in `flotilla store list`")->required();
    app.add_flag("--yes", yes_, "Do not ask");
  }
  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    const auto admin = context.session.admin();
    if (!admin.ok()) return console.Fail(admin.status());
    const absl::Status agreed = Confirm(
        console, yes_,
        fmt::format("Store {} may never come back once it is declared lost, and what its disk "
                    "holds is of no use any more.",
                    store_));
    if (!agreed.ok()) return console.Fail(agreed);
    const auto replicas = (*admin)->DeclareLost(StoreId(store_));
    if (!replicas.ok()) return console.Fail(replicas.status());
    if (console.json) {
      console.PrintJson(Json::MakeObject().Set("store", store_).Set("replicas", *replicas));
    } else {
      console.out << fmt::format(
          "store {} is declared lost; {} made anew on other stores as far as these have room\n"
          "`flotilla status` tells when that is done\n",
          store_,
          *replicas == 1 ? "its replica is" : fmt::format("its {} replicas are", *replicas));
    }
    return ExitCode::kOk;
  }

 private:
  uint64_t store_ = 0;
  bool yes_ = false;
};

std::string StateName(keyspacepb::KeyspaceState state) {
  switch (state) {
    case keyspacepb::ENABLED:
      return "enabled";
    case keyspacepb::DISABLED:
      return "disabled";
    case keyspacepb::ARCHIVED:
      return "archived";
    case keyspacepb::TOMBSTONE:
      return "tombstone";
    default:
      return "unknown";
  }
}

Json KeyspaceToJson(const keyspacepb::KeyspaceMeta& keyspace) {
  Json json = Json::MakeObject();
  return json.Set("id", static_cast<uint64_t>(keyspace.id()))
      .Set("name", keyspace.name())
      .Set("state", StateName(keyspace.state()));
}

class KeyspaceListCommand final : public Command {
 public:
  void Declare(CLI::App&) override {}
  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    const auto admin = context.session.admin();
    if (!admin.ok()) return console.Fail(admin.status());
    const auto keyspaces = (*admin)->Keyspaces();
    if (!keyspaces.ok()) return console.Fail(keyspaces.status());
    if (console.json) {
      Json list = Json::MakeArray();
      for (const auto& keyspace : *keyspaces) list.Append(KeyspaceToJson(keyspace));
      console.PrintJson(Json::MakeObject().Set("keyspaces", std::move(list)));
      return ExitCode::kOk;
    }
    Table table({">ID", "NAME", "STATE"});
    for (const auto& keyspace : *keyspaces) {
      table.AddRow({std::to_string(keyspace.id()), keyspace.name(), StateName(keyspace.state())});
    }
    table.Print(console.out);
    return ExitCode::kOk;
  }
};

class KeyspaceCreateCommand final : public Command {
 public:
  void Declare(CLI::App& app) override { app.add_option("name", name_, "Its name")->required(); }
  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    const auto admin = context.session.admin();
    if (!admin.ok()) return console.Fail(admin.status());
    const auto keyspace = (*admin)->CreateKeyspace(name_);
    if (!keyspace.ok()) return console.Fail(keyspace.status());
    if (console.json) {
      console.PrintJson(KeyspaceToJson(*keyspace));
    } else {
      console.out << fmt::format("created keyspace {} with id {}\n", keyspace->name(),
                                 keyspace->id());
    }
    return ExitCode::kOk;
  }

 private:
  std::string name_;
};

}  // namespace

void DeclareStoreCommands(CommandTree& tree) {
  CLI::App& store = tree.AddGroup(tree.root(), "store", "Stores, which hold the data");
  tree.Add<StoreListCommand>(store, "list", "List the stores");
  tree.Add<DeclareLostCommand>(store, "declare-lost",
                               "Give up a store that will not come back, so that its replicas are "
                               "made anew at once");
}

void DeclareKeyspaceCommands(CommandTree& tree) {
  CLI::App& keyspace = tree.AddGroup(tree.root(), "keyspace", "Keyspaces, whose keys never meet");
  tree.Add<KeyspaceListCommand>(keyspace, "list", "List the keyspaces");
  tree.Add<KeyspaceCreateCommand>(keyspace, "create", "Create a keyspace");
}

}  // namespace flotilla::cli
