// A simulated application: one process with the client library in it, all of the library's own but
// threads and the network.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_NODE_CLIENT_NODE_H_
#define FLOTILLA_TESTS_SIM_NODE_CLIENT_NODE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/raw_client_impl.h"
#include "common/env/random.h"
#include "tests/sim/node/process.h"

namespace flotilla::sim {

struct ClientNodeOptions {
  client::ClientOptions library;
  // The share of reads that any replica is asked for.
  double replica_reads = 0;
};

class ClientNode {
 public:
  ClientNode(testing::SimWorld* world, Fabric* fabric, std::string host,
             const ClientNodeOptions& options, env::Random random);
  // Ends what is under way. The stores need not answer any more.
  ~ClientNode();

  const std::string& host() const { return host_; }
  testing::SimScheduler& scheduler() { return process_.scheduler; }
  // Reaches PD and learns the keyspace; the world goes on meanwhile.
  absl::Status Connect();
  // REQUIRES: connected.
  client::RawClient& raw();
  pdclient::PdClient& pd();

 private:
  struct Library;
  struct DataPath;

  testing::SimWorld* const world_;
  const std::string host_;
  const double replica_reads_;
  Process process_;
  std::unique_ptr<Library> library_;
  std::unique_ptr<DataPath> data_path_;
};

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_NODE_CLIENT_NODE_H_
