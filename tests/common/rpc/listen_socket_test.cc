#include "common/rpc/listen_socket.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>

#include "tests/common/rpc/raw_connection.h"

namespace flotilla::rpc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

sockaddr_storage PeerV4(const char* address, int port = 1) {
  sockaddr_storage peer = {};
  auto& v4 = reinterpret_cast<sockaddr_in&>(peer);
  v4.sin_family = AF_INET;
  v4.sin_port = htons(static_cast<uint16_t>(port));
  EXPECT_EQ(inet_pton(AF_INET, address, &v4.sin_addr), 1);
  return peer;
}

sockaddr_storage PeerV6(const char* address, int port = 1) {
  sockaddr_storage peer = {};
  auto& v6 = reinterpret_cast<sockaddr_in6&>(peer);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(static_cast<uint16_t>(port));
  EXPECT_EQ(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
  return peer;
}

TEST(ListenTest, AnyFreePortAndItsNumber) {
  for (const char* address : {"127.0.0.1:0", "localhost:0", ":0", "0.0.0.0:0"}) {
    const auto listening = Listen(address);
    ASSERT_TRUE(listening.ok()) << address << ": " << listening.status();
    EXPECT_EQ(listening->sockets.size(), 1u) << address;
    EXPECT_GT(listening->port, 0) << address;
    EXPECT_TRUE(RawConnection(RawConnection::Family::kIPv4).Connect(listening->port) ||
                RawConnection(RawConnection::Family::kIPv6).Connect(listening->port))
        << address;
  }
}

TEST(ListenTest, IPv6InBrackets) {
  const auto listening = Listen("[::1]:0");
  if (!listening.ok()) {
    // A machine without IPv6.
    EXPECT_TRUE(absl::IsUnavailable(listening.status())) << listening.status();
    EXPECT_THAT(std::string(listening.status().message()), HasSubstr("[::1]:0"));
    return;
  }
  EXPECT_TRUE(RawConnection(RawConnection::Family::kIPv6).Connect(listening->port));
}

TEST(ListenTest, APortInUseIsRefusedWithAddressAndReason) {
  const auto first = Listen("127.0.0.1:0");
  ASSERT_TRUE(first.ok()) << first.status();
  for (const char* host : {"127.0.0.1", "localhost", "0.0.0.0", ""}) {
    const std::string address = host + (":" + std::to_string(first->port));
    const auto second = Listen(address);
    EXPECT_TRUE(absl::IsUnavailable(second.status())) << address;
    EXPECT_THAT(std::string(second.status().message()),
                AllOf(HasSubstr(address), HasSubstr("Address already in use")));
  }
}

TEST(ListenTest, AForeignAddressAndAnUnknownNameAreRefused) {
  for (const char* address : {"192.0.2.1:0", "no-such-host.invalid:0"}) {
    const auto listening = Listen(address);
    EXPECT_TRUE(absl::IsUnavailable(listening.status())) << address;
    EXPECT_THAT(std::string(listening.status().message()), HasSubstr(address));
  }
}

TEST(ListenTest, WhatIsNoHostAndPort) {
  for (const char* bad : {"", "localhost", "127.0.0.1:x", "127.0.0.1:70000", "::1:80", "[::1]"}) {
    const auto listening = Listen(bad);
    EXPECT_TRUE(absl::IsInvalidArgument(listening.status())) << bad << ": " << listening.status();
  }
}

TEST(ListenTest, AddressesAreCountedByMachine) {
  EXPECT_EQ(CountedAddress(PeerV4("10.0.0.1", 1)), CountedAddress(PeerV4("10.0.0.1", 2)));
  EXPECT_NE(CountedAddress(PeerV4("10.0.0.1")), CountedAddress(PeerV4("10.0.0.2")));
  EXPECT_EQ(CountedAddress(PeerV6("::ffff:10.0.0.1")), CountedAddress(PeerV4("10.0.0.1")));
  EXPECT_NE(CountedAddress(PeerV6("::ffff:10.0.0.1")), CountedAddress(PeerV6("::ffff:10.0.0.2")));
  EXPECT_EQ(CountedAddress(PeerV6("2001:db8::1")), CountedAddress(PeerV6("2001:db8::2:0:0:1")));
  EXPECT_NE(CountedAddress(PeerV6("2001:db8::1")), CountedAddress(PeerV6("2001:db8:0:1::1")));
}

TEST(ListenTest, AddressesInWords) {
  EXPECT_EQ(AddressText(PeerV4("10.0.0.1", 80)), "10.0.0.1:80");
  EXPECT_EQ(AddressText(PeerV6("::1", 80)), "[::1]:80");
}

}  // namespace
}  // namespace flotilla::rpc
