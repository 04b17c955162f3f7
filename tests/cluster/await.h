// Waiting for a condition, with a deadline.
#ifndef FLOTILLA_TESTS_CLUSTER_AWAIT_H_
#define FLOTILLA_TESTS_CLUSTER_AWAIT_H_

#include <chrono>
#include <functional>

namespace flotilla::cluster_test {

// Asks again and again, until `condition` holds or the time is over.
bool Await(std::chrono::milliseconds within, const std::function<bool()>& condition);

}  // namespace flotilla::cluster_test

#endif  // FLOTILLA_TESTS_CLUSTER_AWAIT_H_
