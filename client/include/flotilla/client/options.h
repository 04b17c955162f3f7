// How to connect to a Flotilla cluster, and the limits of one client.
#ifndef FLOTILLA_CLIENT_OPTIONS_H_
#define FLOTILLA_CLIENT_OPTIONS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace flotilla::client {

// The layout of keys on the wire. It must be the cluster's: kV2 is a new cluster's default.
enum class ApiVersion { kV1, kV2 };

// How requests reach a store.
enum class Transport {
  // Many requests on one stream: the least cost an operation when many are in flight.
  kBatch,
  // One RPC a request.
  kUnary,
};

struct ClientOptions {
  // PD members, "host:port". One that answers is enough; the others are learnt from it.
  std::vector<std::string> pd_addresses = {"127.0.0.1:2379"};

  ApiVersion api_version = ApiVersion::kV2;
  // With API V2: keys of different keyspaces never meet.
  std::string keyspace = "DEFAULT";

  Transport transport = Transport::kBatch;

  // The time that an operation may take in all, retries included, when the call does not say.
  std::chrono::milliseconds timeout{20'000};
  // The time that one request to a store may take. An answer that is later is ignored, and the
  // operation goes on as if the connection had broken.
  std::chrono::milliseconds request_timeout{5'000};
  // The sum of an operation's waits between attempts.
  std::chrono::milliseconds retry_budget{20'000};

  // Operations under way at most; one more is refused with ResourceExhausted.
  uint64_t max_in_flight = 65'536;

  // A batch is cut into requests of at most so many keys and bytes, of which so many are in flight.
  size_t batch_keys = 512;
  size_t batch_bytes = 128 * 1024;
  size_t batch_parallel = 16;

  // Rows that one request of a scan asks for.
  uint32_t scan_page_rows = 1'024;

  // The time to reach PD and to learn the keyspace before Connect gives up.
  std::chrono::milliseconds connect_timeout{10'000};
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_OPTIONS_H_
