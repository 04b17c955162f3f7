// `flotilla status`: the whole cluster at a glance.
#include <spdlog/fmt/fmt.h>

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "client/cli/cluster_health.h"
#include "client/cli/command.h"
#include "client/cli/table.h"

namespace flotilla::cli {
namespace {

class StatusCommand final : public Command {
 public:
  void Declare(CLI::App&) override {}

  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    const auto state = CollectClusterState(context.session, context.clock.WallMillis());
    if (!state.ok()) return console.Fail(state.status());
    const std::vector<std::string> problems = FindProblems(*state);
    if (console.json) {
      PrintAsJson(console, *state, problems);
    } else {
      Print(console.out, *state, problems);
    }
    return problems.empty() ? ExitCode::kOk : ExitCode::kUnhealthy;
  }

 private:
  static void PrintAsJson(const Console& console, const ClusterState& state,
                          const std::vector<std::string>& problems) {
    Json words = Json::MakeArray();
    for (const std::string& problem : problems) words.Append(problem);
    Json json = Json::MakeObject();
    json.Set("cluster_id", state.cluster_id).Set("healthy", problems.empty());
    json.Set("members", MembersToJson(state)).Set("stores", StoresToJson(state));
    json.Set("regions", static_cast<uint64_t>(state.regions.size()));
    console.PrintJson(json.Set("problems", std::move(words)));
  }

  static void Print(std::ostream& out, const ClusterState& state,
                    const std::vector<std::string>& problems) {
    out << fmt::format(
        "cluster {}: {}, {}, {}\n\n", state.cluster_id, Counted(state.members.size(), "PD member"),
        Counted(state.stores.size(), "store"), Counted(state.regions.size(), "region"));
    PrintMembers(state, out);
    out << '\n';
    PrintStores(state, out);
    out << '\n';
    if (problems.empty()) out << "all is well\n";
    for (const std::string& problem : problems) out << "! " << problem << '\n';
  }
};

}  // namespace

void DeclareStatusCommand(CommandTree& tree) {
  tree.Add<StatusCommand>(tree.root(), "status", "Show members, stores and what is wrong");
}

}  // namespace flotilla::cli
