// Messages of a run as lines for people: what Raft peers, PD, stores and clients say to each other.
//
// Not thread-safe.
#ifndef FLOTILLA_TESTS_SIM_TRACE_H_
#define FLOTILLA_TESTS_SIM_TRACE_H_

#include <google/protobuf/message.h>

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/base/ids.h"
#include "common/net/envelope.h"

namespace flotilla::sim {

// What is shown. Region 0: messages of all regions, and those of none.
struct TraceFilter {
  bool messages = false;
  RegionId region;
};

class Trace {
 public:
  // `sink` takes the lines.
  Trace(const TraceFilter& filter, std::function<void(std::string)> sink);

  void OnRaft(const net::Envelope& envelope) const;
  // A call (status null), its answer, or a message on a stream (method empty).
  void OnRpc(std::string_view from, std::string_view to, std::string_view method,
             const absl::Status* status, const google::protobuf::Message* message) const;

 private:
  const TraceFilter filter_;
  const std::function<void(std::string)> sink_;
};

// Does the message name the region, in its context or as what it is about?
bool Names(const google::protobuf::Message& message, RegionId region);

}  // namespace flotilla::sim

#endif  // FLOTILLA_TESTS_SIM_TRACE_H_
