// Writes, reads, swaps and scans a few keys.
//
// usage: flotilla_example [PD_ADDRESS]
#include <flotilla/client/raw_client.h>

#include <atomic>
#include <iostream>
#include <latch>
#include <string>
#include <utility>

namespace {

using flotilla::client::RawClient;

int Fail(const char* what, const absl::Status& status) {
  std::cerr << what << ": " << status << '\n';
  return 1;
}

int UseAndWait(RawClient& client) {
  if (const absl::Status status = client.Put("greeting", "hello"); !status.ok()) {
    // Its connection broke. To write the same again would be right here, where nobody else writes
    // the key; the client cannot know that, and leaves it to the caller.
    if (flotilla::client::IsUndetermined(status)) std::cerr << "maybe written\n";
    return Fail("put", status);
  }
  const auto value = client.Get("greeting");
  if (!value.ok()) return Fail("get", value.status());
  std::cout << "greeting: " << value->value_or("(none)") << '\n';

  const auto swap = client.CompareAndSwap("greeting", "hello", "hello again");
  if (!swap.ok()) return Fail("compare-and-swap", swap.status());
  std::cout << (swap->swapped ? "swapped" : "somebody else was faster") << '\n';

  const auto pairs = client.Scan({"g", "h"}, {.limit = 10});
  if (!pairs.ok()) return Fail("scan", pairs.status());
  for (const auto& pair : *pairs) std::cout << pair.key << " = " << pair.value << '\n';
  return 0;
}

// Many operations in flight from one thread.
int UseCallbacks(RawClient& client) {
  constexpr int kWrites = 1000;
  std::latch left(kWrites);
  std::atomic<int> failures{0};
  for (int i = 0; i < kWrites; ++i) {
    client.PutAsync("count/" + std::to_string(i), std::to_string(i), {}, [&](absl::Status status) {
      if (!status.ok()) ++failures;
      left.count_down();
    });
  }
  left.wait();
  if (failures > 0) {
    std::cerr << failures << " of " << kWrites << " puts failed\n";
    return 1;
  }
  std::cout << "wrote " << kWrites << " keys at once\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  flotilla::client::ClientOptions options;
  if (argc > 1) options.pd_addresses = {argv[1]};
  auto client = flotilla::client::Connect(options);
  if (!client.ok()) return Fail("connect", client.status());
  if (const int code = UseAndWait(**client); code != 0) return code;
  return UseCallbacks(**client);
}
