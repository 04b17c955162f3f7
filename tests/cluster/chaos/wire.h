// The network of one node: its end of a cable to the harness' bridge, and the rules of which
// packets get in.
//
// A packet is dropped without a word where it comes in, so that each direction between two nodes is
// cut by itself. Connections to the node's port go through its proxy.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_WIRE_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_WIRE_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "tests/cluster/chaos/namespace_thread.h"

namespace flotilla::chaos {

// The bridge; the harness, and with it all clients, has the address kClients on it. REQUIRES:
// LeaveSharedNamespaces.
absl::Status MakeBridge();
inline constexpr char kClients[] = "10.77.0.1";

class Wire {
 public:
  // `number`: from 1, another one for each node.
  explicit Wire(int number);

  // Plugs the cable in. Connections to `port` are handed to `proxy_port`.
  absl::Status Plug(int port, int proxy_port);

  // Cuts what comes from `address`; as often cut, as often to be healed.
  absl::Status Cut(const std::string& address);
  absl::Status Heal(const std::string& address);
  // So many of a hundred packets are lost.
  absl::Status SetLoss(int percent);
  // Nothing at all gets in.
  absl::Status SetDown(bool down);

  NamespaceThread& room() { return room_; }
  const std::string& address() const { return address_; }

 private:
  absl::Status ApplyRules();

  const int number_;
  const std::string address_;
  NamespaceThread room_;
  int port_ = 0;
  int proxy_port_ = 0;
  std::map<std::string, int> cut_;
  int loss_percent_ = 0;
  bool down_ = false;
};

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_WIRE_H_
