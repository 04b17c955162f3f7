// Connections that do what no client does, and a store without file descriptors: the process lives
// and others are served.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "common/base/units.h"
#include "tests/cluster/process_cluster.h"
#include "tests/cluster/process_usage.h"
#include "tests/common/rpc/raw_connection.h"

namespace flotilla::cluster_test {
namespace {

using rpc::RawConnection;
using std::chrono::milliseconds;
using std::chrono::seconds;

// What an abused connection may cost, unless its test says otherwise.
constexpr uint64_t kMostMemory = 48 * kMiB;
// gRPC keeps the headers of a call until they end, and calls until they are looked at
// (docs/guarantees.md): floods of these are kept short, and may cost several times what was sent.
constexpr uint64_t kMostMemoryOfFloods = 512 * kMiB;

int PortOf(const std::string& address) { return std::stoi(address.substr(address.rfind(':') + 1)); }

// A field of HPACK (RFC 7541, 6.2.2) that is neither indexed nor compressed.
std::string Field(const std::string& name, const std::string& value) {
  const auto literal = [](const std::string& text) {
    return std::string(1, static_cast<char>(text.size())) + text;
  };
  return std::string(1, '\0') + literal(name) + literal(value);
}

// What begins a call.
std::string CallHeaders() {
  return Field(":method", "POST") + Field(":scheme", "http") + Field(":authority", "a") +
         Field(":path", "/tikvpb.Tikv/RawGet") + Field("te", "trailers") +
         Field("content-type", "application/grpc");
}

class AbuseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const CommandResult up = cluster_.Up({"--stores", "1", "--pds", "1"});
    ASSERT_EQ(up.code, 0) << up.output;
    const cli::Json stores = cluster_.RunJson({"store", "list"});
    ASSERT_NE(stores.Find("stores"), nullptr);
    store_port_ = PortOf(stores.Find("stores")->array().front().Find("address")->string());
    client_ = cluster_.Connect();
    ASSERT_NE(client_, nullptr);
    ASSERT_TRUE(client_->Put("k", "v").ok());
  }
  void TearDown() override { EXPECT_EQ(cluster_.Down().code, 0); }

  // Does this to a store, then to PD: it must not cost them much, nor keep others from them.
  void Abuse(const std::function<void(RawConnection& connection)>& abuse,
             uint64_t most_memory = kMostMemory) {
    for (const char* victim : {"store-1", "pd-1"}) {
      const int pid = cluster_.PidOf(victim);
      const uint64_t before = ResidentBytesOf(pid);
      RawConnection connection(victim == std::string("pd-1") ? PortOf(cluster_.pd_address())
                                                             : store_port_);
      // Whoever does not read what the server answers is not read any more either.
      connection.SetSendTimeout(seconds(1));
      abuse(connection);
      ExpectServed();
      ASSERT_EQ(cluster_.PidOf(victim), pid);
      ASSERT_TRUE(cluster_.IsRunning(victim));
      const uint64_t after = ResidentBytesOf(pid);
      std::cout << victim << " takes " << before / kMiB << " MiB before, " << after / kMiB
                << " MiB after\n";
      EXPECT_LT(after, before + most_memory) << victim;
    }
  }

  void ExpectServed() {
    const absl::Status put = client_->Put("k", "after");
    EXPECT_TRUE(put.ok()) << put;
    EXPECT_EQ(client_->Get("k")->value_or(""), "after");
    // A new client asks PD as well.
    EXPECT_EQ(cluster_.Run({"kv", "get", "k"}).output, "after\n");
  }

  ProcessCluster cluster_{"abuse"};
  int store_port_ = 0;
  std::unique_ptr<client::RawClient> client_;
};

TEST_F(AbuseTest, BytesOfAnotherProtocol) {
  Abuse([](RawConnection& connection) {
    connection.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(connection.AwaitClose());
  });
  Abuse([](RawConnection& connection) {
    // The beginning of TLS.
    connection.Send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) +
                    std::string(506, 'r'));
    EXPECT_TRUE(connection.AwaitClose());
  });
  Abuse([](RawConnection& connection) {
    ASSERT_TRUE(connection.SayHello());
    // A frame that says that it has 16 MiB.
    connection.Send(RawConnection::FrameHead(0, (16 << 20) - 1, 0, 1));
    EXPECT_TRUE(connection.AwaitClose());
  });
}

TEST_F(AbuseTest, HeadersThatNeverEnd) {
  Abuse(
      [](RawConnection& connection) {
        ASSERT_TRUE(connection.SayHello());
        std::string fields;
        while (fields.size() < 16'000) {
          fields += Field("x-" + std::to_string(fields.size()), std::string(100, 'v'));
        }
        if (!connection.SendFrame(RawConnection::kHeaders, CallHeaders(), 0, 1)) return;
        for (int i = 0; i < 2'000; ++i) {
          if (!connection.SendFrame(RawConnection::kContinuation, fields, 0, 1)) return;
        }
      },
      kMostMemoryOfFloods);
}

TEST_F(AbuseTest, CallsThatAreTakenBackAtOnce) {
  Abuse(
      [](RawConnection& connection) {
        ASSERT_TRUE(connection.SayHello());
        const std::string headers = CallHeaders();
        for (uint32_t call = 0; call < 20'000; ++call) {
          const uint32_t stream = 2 * call + 1;
          const std::string begin =
              RawConnection::FrameHead(RawConnection::kHeaders, headers.size(),
                                       RawConnection::kEndHeaders, stream) +
              headers;
          const std::string cancel =
              RawConnection::FrameHead(RawConnection::kResetStream, 4, 0, stream) +
              std::string("\0\0\0\x08", 4);
          if (!connection.Send(begin + cancel)) return;
        }
      },
      kMostMemoryOfFloods);
}

TEST_F(AbuseTest, QuestionsWhoseAnswersNobodyReads) {
  for (const uint8_t type : {RawConnection::kPing, RawConnection::kSettings}) {
    Abuse([type](RawConnection& connection) {
      ASSERT_TRUE(connection.SayHello());
      const std::string payload = type == RawConnection::kPing ? "12345678" : "";
      std::string many;
      for (int i = 0; i < 1000; ++i) {
        many += RawConnection::FrameHead(type, payload.size(), 0, 0) + payload;
      }
      // Ten million, unless the server stops reading.
      for (int i = 0; i < 10'000; ++i) {
        if (!connection.Send(many)) return;
      }
    });
  }
}

// The limit of a process that runs already; the former one.
rlimit SetOpenFiles(int pid, rlim_t files) {
  rlimit former = {};
  EXPECT_EQ(prlimit(pid, RLIMIT_NOFILE, nullptr, &former), 0);
  const rlimit limit = {files, former.rlim_max};
  EXPECT_EQ(prlimit(pid, RLIMIT_NOFILE, &limit, nullptr), 0);
  return former;
}

size_t OpenFilesOf(int pid) {
  size_t files = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc/" + std::to_string(pid) + "/fd", error), end;
       !error && it != end; it.increment(error)) {
    ++files;
  }
  return files;
}

TEST_F(AbuseTest, AStoreWithoutFileDescriptorsWaitsForThem) {
  const int pid = cluster_.PidOf("store-1");
  const rlimit former = SetOpenFiles(pid, OpenFilesOf(pid) + 4);
  std::vector<std::unique_ptr<RawConnection>> crowd;
  for (int i = 0; i < 50; ++i) crowd.push_back(std::make_unique<RawConnection>(store_port_));
  // Those in front get in, the others are closed; who was there before goes on.
  size_t closed = 0;
  for (auto& connection : crowd) {
    if (!connection->SayHello()) ++closed;
  }
  EXPECT_GT(closed, 40u);
  const milliseconds busy = CpuTimeOf(pid);
  const env::SystemClock clock;
  const env::Instant end = clock.Now() + seconds(2);
  Await(seconds(10), [&] { return clock.Now() >= end; });
  EXPECT_LT(CpuTimeOf(pid) - busy, milliseconds(500)) << "it spins";
  EXPECT_TRUE(client_->Put("k", "meanwhile").ok());
  SetOpenFiles(pid, former.rlim_cur);
  crowd.clear();
  EXPECT_TRUE(Await(seconds(10), [&] {
    return cluster_.Run({"kv", "get", "k"}).output == "meanwhile\n";
  })) << "others get in again";
  EXPECT_EQ(cluster_.PidOf("store-1"), pid);
}

}  // namespace
}  // namespace flotilla::cluster_test
