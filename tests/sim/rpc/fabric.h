// The RPC network between simulated processes: what connections do to requests, answers and streams
// when links are slow, stall, are cut or reset, and when processes die or stand still.
//
// It behaves like TCP under gRPC: what is sent on a connection arrives in order, or the connection
// breaks and both ends hear of it, at once or when keepalive finds out. What a cut holds back may
// arrive minutes later, when nobody waits for its answer any more. (Raft messages go another way,
// tests/support/fault_network.h, where single ones are lost, doubled and repeated.)
//
// Not thread-safe: all of a simulation runs in one thread.
#ifndef FLOTILLA_TESTS_SIM_RPC_FABRIC_H_
#define FLOTILLA_TESTS_SIM_RPC_FABRIC_H_

#include <google/protobuf/message.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "common/env/random.h"
#include "common/env/stage.h"
#include "tests/support/sim_world.h"

namespace flotilla::sim {

class SimEventLoop;
class SimServer;
class StreamEnd;

struct FabricFaults {
  // Uniform.
  env::Duration min_delay = std::chrono::microseconds(30);
  env::Duration max_delay = std::chrono::microseconds(200);
  // Of a packet, to break every connection between its two hosts.
  double reset = 0;
  // What a cut held back is lost with its connection, instead of arriving after all.
  double lost_when_healed = 0.5;
  // Of each link. 0: any number.
  uint64_t bytes_per_second = 0;
};

// A process as the network knows it: its host, and which of the processes that ran there.
struct Endpoint {
  std::string host;
  uint64_t incarnation = 0;
  bool operator==(const Endpoint&) const = default;
};

class Fabric final : public env::Stage {
 public:
  using Task = absl::AnyInvocable<void() &&>;
  // Peers that were not heard of for so long are given up, as keepalive does.
  static constexpr env::Duration kKeepalive = std::chrono::seconds(13);

  Fabric(const env::Clock* clock, env::Random random);
  ~Fabric() override;

  void SetWaker(env::Waker* waker) { waker_ = waker; }
  void SetFaults(const FabricFaults& faults) { faults_ = faults; }
  // Hears of every message that an end of a stream sends.
  using StreamTap = std::function<void(const Endpoint& from, const Endpoint& to,
                                       const google::protobuf::Message&)>;
  void SetStreamTap(StreamTap tap) { tap_ = std::move(tap); }
  void TellTap(const Endpoint& from, const Endpoint& to, const google::protobuf::Message& message) {
    if (tap_) tap_(from, to, message);
  }
  // Hears of every call and of every answer, whose status is not null.
  using CallTap =
      std::function<void(const Endpoint& from, const Endpoint& to, const std::string& method,
                         const absl::Status* status, const google::protobuf::Message* message)>;
  void SetCallTap(CallTap tap) { call_tap_ = std::move(tap); }
  // Hears of the method of each request that a living server gave up without an answer.
  void SetLeakListener(std::function<void(const std::string&)> listener) {
    on_leak_ = std::move(listener);
  }
  // Methods of requests that have waited at their servers for longer than that.
  std::vector<std::string> WaitingFor(env::Duration longer) const;

  // A process begins on the host. Both outlive Detach.
  Endpoint Attach(const std::string& host, SimEventLoop* loop,
                  const testing::SimScheduler* process);
  // It serves from now on.
  void Serve(const std::string& host, SimServer* server);
  // It was killed: its connections break.
  void Detach(const std::string& host);
  bool IsLive(const Endpoint& endpoint) const;

  // --- Faults -----------------------------------------------------------------------------------
  // What the one sends to the other is held from now on.
  void Cut(const std::string& from, const std::string& to) { cut_.insert({from, to}); }
  void Isolate(const std::string& host) { isolated_.insert(host); }
  void HealLinks();
  // The one hears the other again.
  void Heal(const std::string& from, const std::string& to);
  // Breaks every connection between the two.
  void Reset(const std::string& a, const std::string& b);
  // Every stream that is open between the two stands still from now on, while its connection lives:
  // as behind a length in a frame that is wrong, nothing that is sent on it is ever read.
  void StandStill(const std::string& a, const std::string& b);
  bool IsCut(const std::string& from, const std::string& to) const;

  // --- For event loops and streams --------------------------------------------------------------
  // Runs `task` on the loop of `to` when it arrives. When that process is gone, or the connection
  // breaks on the way, `lost` runs on the loop of `from` instead. `bytes` count on narrow links.
  void Send(const Endpoint& from, const Endpoint& to, Task task, Task lost, size_t bytes = 0);
  // Hands a request to whoever serves at `address` and `answer`, once at most, to the loop of
  // `from`. The caller waits for `allowed`.
  using Answer =
      absl::AnyInvocable<void(absl::Status, std::unique_ptr<google::protobuf::Message>) &&>;
  void Call(const Endpoint& from, const std::string& address, const std::string& method,
            std::unique_ptr<google::protobuf::Message> request, env::Duration allowed,
            Answer answer);
  // Opens a stream from `end`; it hears Opened or Broken.
  void Open(const std::shared_ptr<StreamEnd>& end, const std::string& address,
            const std::string& method);

  // What the message counts for; 0 while links are wide.
  size_t BytesOf(const google::protobuf::Message& message) const {
    return faults_.bytes_per_second == 0 ? 0 : message.ByteSizeLong();
  }

  uint64_t packets() const { return packets_; }

  std::string_view name() const override { return "fabric"; }
  bool RunOnce() override;
  std::optional<env::Instant> next_deadline() const override;

 private:
  struct Host {
    uint64_t incarnation = 0;
    SimEventLoop* loop = nullptr;  // Null: no process runs.
    SimServer* server = nullptr;
    const testing::SimScheduler* process = nullptr;
  };
  struct Packet {
    Endpoint from;
    Endpoint to;
    Task task;
    Task lost;
    size_t bytes = 0;
  };
  struct ServerCall;
  struct Connection {
    std::weak_ptr<StreamEnd> client;
    std::weak_ptr<StreamEnd> server;
    Endpoint from;
    Endpoint to;
    env::Instant heard;
  };
  using Link = std::pair<std::string, std::string>;

  Endpoint Current(const std::string& host) const;
  void Post(Packet packet);
  // What a cut held back is lost with its connection, or arrives after all.
  void Release(const Link& link, std::deque<Packet> packets);
  void Deliver(Packet packet);
  void Lose(Packet packet);
  bool Stalls(const Endpoint& from, const Endpoint& to) const;
  void BreakConnections(const std::function<bool(const Connection&)>& which);
  void CheckKeepalive();

  const env::Clock* const clock_;
  env::Random random_;
  FabricFaults faults_;
  StreamTap tap_;
  CallTap call_tap_;
  std::function<void(const std::string&)> on_leak_;
  env::Waker* waker_ = nullptr;
  std::map<std::string, Host> hosts_;
  std::set<Link> cut_;
  std::set<std::string> isolated_;
  // By time of delivery, in the order of sending among equals.
  std::multimap<env::Instant, Packet> on_the_way_;
  // Nothing sent on the link arrives before.
  std::map<Link, env::Instant> busy_until_;
  std::map<Link, std::deque<Packet>> held_;
  std::map<uint64_t, std::weak_ptr<ServerCall>> calls_;
  std::map<uint64_t, Connection> connections_;
  uint64_t next_id_ = 1;
  uint64_t packets_ = 0;
  env::Instant next_keepalive_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_RPC_FABRIC_H_
