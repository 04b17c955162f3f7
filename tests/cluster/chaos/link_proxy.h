// Stands in front of a node's port, in the node's network, and hands bytes on both ways: late,
// damaged, or not at all, as it is told. Connections are to one node from all others.
//
// One thread of its own. Bounded: from a side whose bytes wait it reads no more.
#ifndef FLOTILLA_TESTS_CLUSTER_CHAOS_LINK_PROXY_H_
#define FLOTILLA_TESTS_CLUSTER_CHAOS_LINK_PROXY_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/env/clock.h"
#include "common/env/random.h"
#include "tests/cluster/chaos/namespace_thread.h"

struct pollfd;

namespace flotilla::chaos {

struct LinkBehaviour {
  std::chrono::milliseconds delay_min{0};
  std::chrono::milliseconds delay_max{0};
  // The share of the pieces in which a bit flips.
  double corrupted = 0;
};

class LinkProxy {
 public:
  // `may_corrupt`: whether bytes to and from this address may be damaged.
  LinkProxy(std::string target_address, int target_port, uint64_t seed,
            std::function<bool(const std::string&)> may_corrupt);
  ~LinkProxy();
  LinkProxy(const LinkProxy&) = delete;
  LinkProxy& operator=(const LinkProxy&) = delete;

  // Listens at `port` in the network of `room`.
  absl::Status Start(NamespaceThread& room, int port);

  void Behave(const LinkBehaviour& behaviour);
  // Breaks all connections that there are, by a reset.
  void ResetAll();
  uint64_t corrupted_pieces();

 private:
  struct Piece {
    env::Instant due;
    std::string bytes;
  };
  // Bytes from one socket to the other.
  struct Pipe {
    int from = -1;
    int to = -1;
    std::deque<Piece> waiting;
    size_t waiting_bytes = 0;
    bool has_ended = false;
  };
  struct Link {
    Pipe there;
    Pipe back;
    std::string peer;
  };

  void Live();
  void Watch(std::vector<pollfd>* sockets, int* timeout_ms) const;
  // False: the link is broken.
  bool Serve(Link& link, const std::vector<pollfd>& sockets);
  bool Receive(Link& link, Pipe& pipe);
  bool Send(Pipe& pipe);
  void Accept();
  static void Break(Link& link);

  const env::SystemClock clock_;
  const std::string target_address_;
  const int target_port_;
  const std::function<bool(const std::string&)> may_corrupt_;
  env::Random random_;
  int listener_ = -1;
  int waker_ = -1;
  std::list<Link> links_;
  Mutex mutex_;
  LinkBehaviour behaviour_ ABSL_GUARDED_BY(mutex_);
  bool resets_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t corrupted_ ABSL_GUARDED_BY(mutex_) = 0;
  // What the thread saw of it this time round.
  LinkBehaviour now_;
  std::unique_ptr<std::thread> thread_;
};

}  // namespace flotilla::chaos

#endif  // FLOTILLA_TESTS_CLUSTER_CHAOS_LINK_PROXY_H_
