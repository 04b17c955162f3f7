// `flotilla region check` and `flotilla region repair`: replicas that differ, and a replica that is
// made anew.
#include <spdlog/fmt/fmt.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/command.h"
#include "client/cli/confirmation.h"
#include "client/cli/progress_bar.h"
#include "client/cli/region_check.h"
#include "common/base/status_macros.h"

namespace flotilla::cli {
namespace {

using repair::v1::Comparison;

class CheckCommand final : public Command {
 public:
  void Declare(CLI::App& app) override {
    app.add_option("id", id_, "Region id");
    app.add_flag("--all", all_, "Every region of the cluster, one after the other");
    app.add_option("--wait", wait_seconds_, "Seconds to wait for one region's replicas")
        ->capture_default_str();
  }

  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    if (all_ == id_.has_value()) {
      console.err << "flotilla region check: a region's id or --all\n";
      return ExitCode::kUsage;
    }
    const auto ids = RegionIds(context);
    if (!ids.ok()) return console.Fail(ids.status());
    std::vector<RegionCheckRow> rows;
    ProgressBar progress(console, context.clock, "regions", ids->size());
    for (const uint64_t id : *ids) {
      const auto limit = std::chrono::milliseconds(static_cast<int64_t>(wait_seconds_ * 1000));
      RegionCheckRow row{id, CheckRegion(context, RegionId(id), limit)};
      if (absl::IsCancelled(row.outcome.status())) return console.Fail(row.outcome.status());
      // A region that is gone since the list was made is another one's now.
      if (all_ && absl::IsNotFound(row.outcome.status())) continue;
      rows.push_back(std::move(row));
      progress.Update(rows.size(), rows.size());
    }
    progress.Finish(rows.size());
    if (!all_ && absl::IsNotFound(rows[0].outcome.status())) {
      return console.Fail(rows[0].outcome.status());
    }
    return Print(console, rows);
  }

 private:
  absl::StatusOr<std::vector<uint64_t>> RegionIds(CommandContext& context) const {
    if (id_.has_value()) return std::vector<uint64_t>{*id_};
    ASSIGN_OR_RETURN(client::Admin* const admin, context.session.admin());
    ASSIGN_OR_RETURN(const std::vector<pdpb::Region> regions, admin->Regions({}));
    std::vector<uint64_t> ids;
    for (const pdpb::Region& region : regions) ids.push_back(region.region().id());
    return ids;
  }

  static ExitCode Print(const Console& console, const std::vector<RegionCheckRow>& rows) {
    const auto count = [&rows](Comparison::Agreement agreement) {
      return static_cast<uint64_t>(
          std::count_if(rows.begin(), rows.end(),
                        [agreement](const RegionCheckRow& row) { return row.Is(agreement); }));
    };
    const uint64_t equal = count(Comparison::EQUAL);
    const uint64_t differ = count(Comparison::DIFFERS);
    const uint64_t rest = rows.size() - equal - differ;
    if (console.json) {
      Json list = Json::MakeArray();
      for (const RegionCheckRow& row : rows) list.Append(CheckToJson(row));
      Json json = Json::MakeObject();
      json.Set("regions", std::move(list)).Set("equal", equal).Set("differ", differ);
      console.PrintJson(json.Set("not_compared", rest));
    } else {
      Table table = MakeCheckTable();
      for (const RegionCheckRow& row : rows) AddCheckRow(table, row);
      table.Print(console.out);
      console.out << fmt::format("{}: {} equal, {} differ, {} not, or not wholly, compared\n",
                                 Counted(rows.size(), "region"), equal, differ, rest);
    }
    if (differ > 0) return ExitCode::kFailed;
    return rest > 0 ? ExitCode::kUnavailable : ExitCode::kOk;
  }

  std::optional<uint64_t> id_;
  bool all_ = false;
  double wait_seconds_ = 300;
};

class RepairCommand final : public Command {
 public:
  void Declare(CLI::App& app) override {
    app.add_option("id", id_, "Region id")->required();
    app.add_option("--store", store_, "The store whose replica is to be made anew")->required();
    app.add_flag("--yes", yes_, "Do not ask");
    app.add_flag("--no-wait", no_wait_, "Return once PD has begun");
    app.add_option("--wait", wait_seconds_, "Seconds to wait until it is done")
        ->capture_default_str();
  }

  ExitCode Run(CommandContext& context) override {
    const Console& console = context.console;
    const auto admin = context.session.admin();
    if (!admin.ok()) return console.Fail(admin.status());
    const auto region = (*admin)->RegionById(RegionId(id_));
    if (!region.ok()) return console.Fail(region.status());
    const absl::Status agreed =
        Confirm(console, yes_,
                fmt::format("The replica of region {} on store {} will be thrown away and made "
                            "anew from the others.",
                            id_, store_));
    if (!agreed.ok()) return console.Fail(agreed);
    const auto begun = (*admin)->Rebuild(RegionId(id_), StoreId(store_));
    if (!begun.ok()) return console.Fail(begun.status());
    if (!console.json) {
      for (const std::string& step : begun->steps()) console.err << "  " << step << '\n';
    }
    if (!no_wait_) {
      const absl::Status done = Await(context, **admin, *region, begun->old_peer_id());
      if (!done.ok()) return console.Fail(done);
    }
    Print(console, *begun);
    return ExitCode::kOk;
  }

 private:
  static int Voters(const pdpb::Region& region) {
    return static_cast<int>(
        std::count_if(region.region().peers().begin(), region.region().peers().end(),
                      [](const metapb::Peer& peer) { return peer.role() == metapb::Voter; }));
  }

  // All voters are there again, none of them is catching up, and the old peer is none of them.
  static bool IsDone(const pdpb::Region& now, const pdpb::Region& before, uint64_t old_peer) {
    for (const metapb::Peer& peer : now.region().peers()) {
      if (peer.id() == old_peer || peer.role() != metapb::Voter) return false;
    }
    return Voters(now) >= Voters(before) && now.pending_peers().empty();
  }

  static bool HasPeer(const pdpb::Region& region, uint64_t id) {
    return std::any_of(region.region().peers().begin(), region.region().peers().end(),
                       [id](const metapb::Peer& peer) { return peer.id() == id; });
  }

  absl::Status Await(CommandContext& context, client::Admin& admin, const pdpb::Region& before,
                     uint64_t old_peer) const {
    const env::Instant end =
        context.clock.Now() + std::chrono::milliseconds(static_cast<int64_t>(wait_seconds_ * 1000));
    while (context.clock.Now() < end) {
      if (context.processes.Pause(std::chrono::milliseconds(500))) {
        return absl::CancelledError("interrupted; PD goes on with it");
      }
      const auto now = admin.RegionById(RegionId(id_));
      // PD may be between two leaders.
      if (!now.ok()) continue;
      if (IsDone(*now, before, old_peer)) return absl::OkStatus();
      if (!HasPeer(*now, old_peer)) continue;
      // A new leader of PD, or one that gave up, does not know what was asked for.
      const auto again = admin.Rebuild(RegionId(id_), StoreId(store_));
      if (again.ok() || absl::IsAlreadyExists(again.status()) ||
          absl::IsUnavailable(again.status()) || absl::IsNotFound(again.status())) {
        continue;
      }
      return again.status();
    }
    return absl::DeadlineExceededError(
        fmt::format("the replica of region {} on store {} is not made anew yet; PD goes on with it",
                    id_, store_));
  }

  void Print(const Console& console, const repair::v1::RebuildReplicaResponse& begun) const {
    if (console.json) {
      Json steps = Json::MakeArray();
      for (const std::string& step : begun.steps()) steps.Append(step);
      Json json = Json::MakeObject();
      json.Set("region", id_).Set("store", store_).Set("done", !no_wait_);
      console.PrintJson(json.Set("steps", std::move(steps)));
    } else {
      console.out << fmt::format("the replica of region {} on store {} {}\n", id_, store_,
                                 no_wait_ ? "is being made anew" : "was made anew");
    }
  }

  uint64_t id_ = 0;
  uint64_t store_ = 0;
  bool yes_ = false;
  bool no_wait_ = false;
  double wait_seconds_ = 600;
};

}  // namespace

void DeclareRepairCommands(CommandTree& tree, CLI::App& region) {
  tree.Add<CheckCommand>(region, "check", "Compare the replicas of a region with each other");
  tree.Add<RepairCommand>(region, "repair", "Make one replica of a region anew from the others");
}

}  // namespace flotilla::cli
