#include "tests/sim/rpc/fabric.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "tests/sim/rpc/sim_event_loop.h"
#include "tests/sim/rpc/sim_server.h"
#include "tests/sim/rpc/stream_end.h"

namespace flotilla::sim {
namespace {

constexpr env::Duration kKeepaliveInterval = std::chrono::seconds(1);

// The words tell the client that nothing was sent.
absl::Status ConnectionRefused(const std::string& address) {
  return absl::UnavailableError(
      absl::StrCat("failed to connect to all addresses; ", address, ": Connection refused"));
}
absl::Status SocketClosed() { return absl::UnavailableError("Socket closed"); }

}  // namespace

// A request at its server. The handler holds it until it answers.
struct Fabric::ServerCall {
  Fabric* fabric = nullptr;
  uint64_t id = 0;
  Endpoint client;
  Endpoint server;
  std::unique_ptr<google::protobuf::Message> request;
  std::unique_ptr<google::protobuf::Message> response;
  Answer answer;
  std::string method;
  // When the server got it.
  std::optional<env::Instant> arrived;

  ServerCall() = default;
  ~ServerCall() {
    if (answer && arrived && fabric->on_leak_ && fabric->IsLive(server)) fabric->on_leak_(method);
  }
  ServerCall(const ServerCall&) = delete;
  ServerCall& operator=(const ServerCall&) = delete;

  void Finish(absl::Status status) {
    if (!answer) return;
    // A process that was killed answers nobody.
    if (!fabric->IsLive(server)) return;
    fabric->calls_.erase(id);
    if (fabric->call_tap_) fabric->call_tap_(server, client, method, &status, response.get());
    const size_t bytes = response == nullptr ? 0 : fabric->BytesOf(*response);
    Answer reply = std::exchange(answer, nullptr);
    fabric->Send(
        server, client,
        [reply = std::move(reply), status = std::move(status),
         message = std::move(response)]() mutable {
          std::move(reply)(std::move(status), std::move(message));
        },
        nullptr, bytes);
  }
  void Break() {
    if (!answer) return;
    fabric->Send(
        server, client,
        [reply = std::exchange(answer, nullptr)]() mutable {
          std::move(reply)(SocketClosed(), nullptr);
        },
        nullptr);
  }
};

Fabric::Fabric(const env::Clock* clock, env::Random random) : clock_(clock), random_(random) {}

Fabric::~Fabric() = default;

Endpoint Fabric::Attach(const std::string& name, SimEventLoop* loop,
                        const testing::SimScheduler* process) {
  Host& host = hosts_[name];
  CHECK(host.loop == nullptr) << name;
  ++host.incarnation;
  host.loop = loop;
  host.process = process;
  return {name, host.incarnation};
}

void Fabric::Serve(const std::string& host, SimServer* server) { hosts_[host].server = server; }

void Fabric::Detach(const std::string& name) {
  const Endpoint gone = Current(name);
  Host& host = hosts_[name];
  host.loop = nullptr;
  host.server = nullptr;
  host.process = nullptr;
  BreakConnections([&](const Connection& c) { return c.from == gone || c.to == gone; });
  for (auto call = calls_.begin(); call != calls_.end();) {
    const std::shared_ptr<ServerCall> held = call->second.lock();
    if (held != nullptr && held->server != gone) {
      ++call;
      continue;
    }
    if (held != nullptr) held->Break();
    call = calls_.erase(call);
  }
}

bool Fabric::IsLive(const Endpoint& endpoint) const {
  const auto found = hosts_.find(endpoint.host);
  return found != hosts_.end() && found->second.loop != nullptr &&
         found->second.incarnation == endpoint.incarnation;
}

Endpoint Fabric::Current(const std::string& host) const {
  const auto found = hosts_.find(host);
  return {host, found == hosts_.end() ? 0 : found->second.incarnation};
}

void Fabric::StandStill(const std::string& a, const std::string& b) {
  for (auto& [id, connection] : connections_) {
    const Link link{connection.from.host, connection.to.host};
    if (link != Link{a, b} && link != Link{b, a}) continue;
    for (const std::weak_ptr<StreamEnd>& weak : {connection.client, connection.server}) {
      if (const auto end = weak.lock()) end->StandStill();
    }
  }
}

bool Fabric::IsCut(const std::string& from, const std::string& to) const {
  return cut_.contains({from, to}) || isolated_.contains(from) || isolated_.contains(to);
}

void Fabric::HealLinks() {
  cut_.clear();
  isolated_.clear();
  for (auto& [link, packets] : held_) Release(link, std::move(packets));
  held_.clear();
}

void Fabric::Heal(const std::string& from, const std::string& to) {
  cut_.erase({from, to});
  auto held = held_.extract(Link{from, to});
  if (IsCut(from, to)) {
    held_.insert(std::move(held));
  } else if (!held.empty()) {
    Release(held.key(), std::move(held.mapped()));
  }
}

void Fabric::Release(const Link& link, std::deque<Packet> packets) {
  // Either the connection was given up meanwhile, or all of it arrives, in order.
  const bool lost = random_.Chance(faults_.lost_when_healed);
  for (Packet& packet : packets) {
    if (lost) {
      Lose(std::move(packet));
    } else {
      Post(std::move(packet));
    }
  }
  if (lost) Reset(link.first, link.second);
}

std::vector<std::string> Fabric::WaitingFor(env::Duration longer) const {
  std::vector<std::string> methods;
  for (const auto& [id, weak] : calls_) {
    const std::shared_ptr<ServerCall> call = weak.lock();
    if (call != nullptr && call->answer && clock_->Now() - *call->arrived > longer) {
      methods.push_back(call->method);
    }
  }
  return methods;
}

void Fabric::Reset(const std::string& a, const std::string& b) {
  BreakConnections([&](const Connection& c) {
    return (c.from.host == a && c.to.host == b) || (c.from.host == b && c.to.host == a);
  });
}

void Fabric::Send(const Endpoint& from, const Endpoint& to, Task task, Task lost, size_t bytes) {
  ++packets_;
  if (faults_.reset > 0 && random_.Chance(faults_.reset)) Reset(from.host, to.host);
  Post({from, to, std::move(task), std::move(lost), bytes});
}

void Fabric::Post(Packet packet) {
  const env::Duration delay(random_.Between(static_cast<uint64_t>(faults_.min_delay.count()),
                                            static_cast<uint64_t>(faults_.max_delay.count())));
  env::Instant& busy = busy_until_[{packet.from.host, packet.to.host}];
  busy = std::max(busy, clock_->Now() + delay);
  if (faults_.bytes_per_second > 0) {
    busy += std::chrono::nanoseconds(packet.bytes * 1'000'000'000 / faults_.bytes_per_second);
  }
  on_the_way_.emplace(busy, std::move(packet));
  waker_->Wake();
}

bool Fabric::RunOnce() {
  const env::Instant now = clock_->Now();
  while (!on_the_way_.empty() && on_the_way_.begin()->first <= now) {
    Packet packet = std::move(on_the_way_.begin()->second);
    on_the_way_.erase(on_the_way_.begin());
    Deliver(std::move(packet));
  }
  if (now >= next_keepalive_) {
    next_keepalive_ = now + kKeepaliveInterval;
    CheckKeepalive();
  }
  return false;
}

std::optional<env::Instant> Fabric::next_deadline() const {
  if (on_the_way_.empty()) return next_keepalive_;
  return std::min(next_keepalive_, on_the_way_.begin()->first);
}

void Fabric::Deliver(Packet packet) {
  if (IsCut(packet.from.host, packet.to.host)) {
    held_[{packet.from.host, packet.to.host}].push_back(std::move(packet));
  } else if (!IsLive(packet.to)) {
    Lose(std::move(packet));
  } else {
    hosts_[packet.to.host].loop->Post(std::move(packet.task));
  }
}

void Fabric::Lose(Packet packet) {
  if (packet.lost && IsLive(packet.from)) {
    hosts_[packet.from.host].loop->Post(std::move(packet.lost));
  }
}

void Fabric::Call(const Endpoint& from, const std::string& address, const std::string& method,
                  std::unique_ptr<google::protobuf::Message> request, env::Duration allowed,
                  Answer answer) {
  const Endpoint to = Current(address);
  auto call = std::make_shared<ServerCall>();
  call->fabric = this;
  call->id = next_id_++;
  call->client = from;
  call->server = to;
  call->request = std::move(request);
  call->answer = std::move(answer);
  call->method = method;
  if (call_tap_) call_tap_(from, to, method, nullptr, call->request.get());
  const size_t bytes = BytesOf(*call->request);
  const absl::Status lost = IsLive(to) ? SocketClosed() : ConnectionRefused(address);
  Send(
      from, to,
      [this, call, allowed] {
        call->arrived = clock_->Now();
        const std::string& method = call->method;
        SimServer* const server = hosts_[call->server.host].server;
        rpc::UnaryHandler* const handler = server == nullptr ? nullptr : server->FindUnary(method);
        calls_[call->id] = call;
        if (handler == nullptr) {
          call->Finish(server == nullptr ? ConnectionRefused(call->server.host)
                                         : absl::UnimplementedError(method));
          return;
        }
        call->response = handler->NewResponse();
        handler->Handle(*call->request, call->response.get(), allowed,
                        [call](absl::Status status) { call->Finish(std::move(status)); });
      },
      [call, lost] {
        if (call->answer) std::move(std::exchange(call->answer, nullptr))(lost, nullptr);
      },
      bytes);
}

void Fabric::Open(const std::shared_ptr<StreamEnd>& end, const std::string& address,
                  const std::string& method) {
  const Endpoint from = end->loop()->endpoint();
  const Endpoint to = Current(address);
  const uint64_t id = next_id_++;
  connections_[id] = {end, {}, from, to, clock_->Now()};
  Send(
      from, to,
      [this, id, from, to, method, client = std::weak_ptr(end)] {
        const auto connection = connections_.find(id);
        if (connection == connections_.end()) return;
        const Host& host = hosts_[to.host];
        const rpc::StreamAcceptor* const acceptor =
            host.server == nullptr ? nullptr : host.server->FindStream(method);
        auto answer = [this, from, to, client](absl::AnyInvocable<void(StreamEnd&) &&> what) {
          Send(
              to, from,
              [client, what = std::move(what)]() mutable {
                if (const auto held = client.lock()) std::move(what)(*held);
              },
              nullptr);
        };
        if (acceptor == nullptr) {
          answer([refusal = ConnectionRefused(to.host)](StreamEnd& e) { e.Break(refusal); });
          return;
        }
        auto server = std::make_shared<StreamEnd>(host.loop, from.host);
        connection->second.server = server;
        answer([to, peer = std::weak_ptr(server)](StreamEnd& e) { e.Connected(to, peer); });
        server->StartAsServer(*acceptor, from, client);
      },
      [client = std::weak_ptr(end), refusal = ConnectionRefused(address)] {
        if (const auto held = client.lock()) held->Break(refusal);
      });
}

void Fabric::BreakConnections(const std::function<bool(const Connection&)>& which) {
  for (auto at = connections_.begin(); at != connections_.end();) {
    const auto client = at->second.client.lock();
    const auto server = at->second.server.lock();
    if (client == nullptr && server == nullptr) {
      at = connections_.erase(at);
      continue;
    }
    if (!which(at->second)) {
      ++at;
      continue;
    }
    // Each live side hears of it on its own loop.
    if (client != nullptr && IsLive(at->second.from)) {
      client->loop()->Post([client] { client->Break(SocketClosed()); });
    }
    if (server != nullptr && IsLive(at->second.to)) {
      server->loop()->Post([server] { server->Break(absl::CancelledError("CANCELLED")); });
    }
    at = connections_.erase(at);
  }
}

bool Fabric::Stalls(const Endpoint& from, const Endpoint& to) const {
  if (IsCut(from.host, to.host) || IsCut(to.host, from.host)) return true;
  for (const Endpoint* side : {&from, &to}) {
    const auto host = hosts_.find(side->host);
    if (host != hosts_.end() && host->second.process != nullptr && host->second.process->paused()) {
      return true;
    }
  }
  return false;
}

void Fabric::CheckKeepalive() {
  const env::Instant now = clock_->Now();
  for (auto& [id, connection] : connections_) {
    if (!Stalls(connection.from, connection.to)) connection.heard = now;
  }
  BreakConnections([&](const Connection& c) { return now - c.heard > kKeepalive; });
}

}  // namespace flotilla::sim
