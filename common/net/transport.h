// The network between the members of Raft groups.
#ifndef FLOTILLA_COMMON_NET_TRANSPORT_H_
#define FLOTILLA_COMMON_NET_TRANSPORT_H_

#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/net/envelope.h"

namespace flotilla::net {

// Thread-safe. Raft needs no promise from it: a message may be lost, late, doubled or out of order.
class Transport {
 public:
  virtual ~Transport() = default;
  // Never blocks. What does not fit the queue to that store is dropped and reported.
  virtual void Send(Envelope envelope) = 0;
};

// Where a transport delivers what comes in. Thread-safe, never blocks; may drop.
using MessageHandler = absl::AnyInvocable<void(Envelope) const>;
// Called when messages to a store were probably lost (connection broken, queue full).
using UnreachableHandler = absl::AnyInvocable<void(StoreId) const>;

}  // namespace flotilla::net

#endif  // FLOTILLA_COMMON_NET_TRANSPORT_H_
