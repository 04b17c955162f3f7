#include "tests/cluster/chaos/wire.h"

#include <spdlog/fmt/fmt.h>

#include <iterator>

#include "common/base/status_macros.h"
#include "tests/cluster/shell.h"

namespace flotilla::chaos {
namespace {

using cluster_test::CommandResult;
using cluster_test::QuoteWord;
using cluster_test::RunShell;

absl::Status Do(const std::string& line) {
  const CommandResult result = RunShell("(" + line + ") 2>&1");
  if (result.code == 0) return absl::OkStatus();
  return absl::UnknownError(
      fmt::format("`{}` ended with {}: {}", line, result.code, result.output));
}

}  // namespace

absl::Status MakeBridge() {
  return Do(fmt::format(
      "ip link set lo up && ip link add chaos type bridge && ip addr add {}/24 dev chaos && "
      "ip link set chaos up",
      kClients));
}

Wire::Wire(int number) : number_(number), address_(fmt::format("10.77.0.{}", number + 10)) {}

absl::Status Wire::Plug(int port, int proxy_port) {
  port_ = port;
  proxy_port_ = proxy_port;
  RETURN_IF_ERROR(Do(fmt::format(
      "ip link add cable{0} type veth peer name eth0 netns {1} && ip link set cable{0} master "
      "chaos up",
      number_, room_.id())));
  absl::Status status;
  room_.Run([&] {
    status = Do(fmt::format(
        "ip link set lo up && ip addr add {}/24 dev eth0 && ip link set eth0 up", address_));
  });
  RETURN_IF_ERROR(status);
  return ApplyRules();
}

absl::Status Wire::Cut(const std::string& address) {
  ++cut_[address];
  return ApplyRules();
}

absl::Status Wire::Heal(const std::string& address) {
  const auto at = cut_.find(address);
  if (at != cut_.end() && --at->second == 0) cut_.erase(at);
  return ApplyRules();
}

absl::Status Wire::SetLoss(int percent) {
  loss_percent_ = percent;
  return ApplyRules();
}

absl::Status Wire::SetDown(bool down) {
  down_ = down;
  return ApplyRules();
}

absl::Status Wire::ApplyRules() {
  std::string drops;
  if (down_) drops += "iifname eth0 drop\n";
  for (const auto& [address, times] : cut_) drops += fmt::format("ip saddr {} drop\n", address);
  if (loss_percent_ > 0) {
    drops += fmt::format("iifname eth0 numgen random mod 100 < {} drop\n", loss_percent_);
  }
  // One transaction: there is no moment without rules.
  const std::string rules = fmt::format(
      "table inet chaos {{}}\nflush table inet chaos\ntable inet chaos {{\n"
      "chain handed {{\ntype nat hook prerouting priority -100\n"
      "iifname eth0 tcp dport {} redirect to :{}\n}}\n"
      "chain cut {{\ntype filter hook input priority 0\n{}}}\n}}\n",
      port_, proxy_port_, drops);
  absl::Status status;
  room_.Run([&] { status = Do("printf %s " + QuoteWord(rules) + " | nft -f -"); });
  return status;
}

}  // namespace flotilla::chaos
