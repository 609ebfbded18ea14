// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/streams.h"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace warren::proxy {
namespace {

constexpr std::uint32_t kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr int kAcceptBatch = 32;

bool is_full(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

void note(Side& side, std::uint32_t events) {
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) side.readable = true;
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) side.writable = true;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) side.hangup = true;
  if (events & EPOLLERR) side.error = true;
}

/// Did the attempt fail? A connection that was made, and cut off before we looked, may have brought
/// something.
bool not_reached(const Side& side) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(side.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error != 0 && error != ECONNRESET && error != EPIPE;
}

/// Of a TCP socket, before it connects.
void prepare(int fd, const Address& target) {
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (target.ip().is_loopback())
    bound_buffers(fd);
  else
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
}

}  // namespace

Streams::Streams(Core& core)
    : core_(core),
      mover_(core.limits.pipe_size),
      connecting_(core.limits.connect.count()),
      idle_(core.limits.idle.count()),
      draining_(core.limits.drain.count()) {}

// ---- coming -----------------------------------------------------------------------------------------------

void Streams::accept(std::uint32_t listener) {
  for (int count = 0; count < kAcceptBatch; ++count)
    if (!accept_one(listener)) return;
}

UniqueFd& Streams::spare(int family) {
  return spares_[family == AF_INET ? 0U : family == AF_INET6 ? 1U : 2U];
}

/// False: there is none, or none can be taken now. The socket to the target is made first, so that want of
/// descriptors leaves the client in the listener's queue and costs nobody a connection.
bool Streams::accept_one(std::uint32_t listener) {
  auto& from = core_.listeners[listener];
  const auto& addresses = core_.addresses(from);
  if (!addresses.empty()) {
    auto& socket = spare(addresses.front().family());
    if (!socket.valid())
      socket = UniqueFd(::socket(addresses.front().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return core_.pause(listener), false;
  }
  sockaddr_storage peer;
  socklen_t size = sizeof peer;
  const bool asks = from.header != Header::none;  // only the header tells of the client
  auto* address = asks ? static_cast<sockaddr*>(static_cast<void*>(&peer)) : nullptr;
  UniqueFd client(::accept4(from.fd.get(), address, asks ? &size : nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!client.valid()) {
    if (is_full(errno)) core_.pause(listener);
    return errno == ECONNABORTED || errno == EINTR;
  }
  if (core_.admit(listener))
    begin(listener, std::move(client), asks ? Address::from(peer).port() : Port{0});
  else
    close_with_reset(std::move(client));
  return true;
}

void Streams::begin(std::uint32_t listener, UniqueFd client, Port client_port) {
  const auto index = connections_.take();
  auto& connection = connections_[index];
  connection.listener = listener;
  connection.client_port = client_port;
  connection.client.fd = std::move(client);
  connection.client.writable = true;
  const Tag tag{Source::client, connections_.generation(index), index};
  connecting_.arm(connections_, index, core_.now);
  if (!core_.poller.add(connection.client.fd.get(), kEvents, tag)) return fail(index);
  connect(index);
}

void Streams::connect(std::uint32_t index) {
  auto& connection = connections_[index];
  const auto& from = core_.listeners[connection.listener];
  const auto& addresses = core_.addresses(from);
  const bool unix_target = connection.attempt < addresses.size() && addresses[connection.attempt].is_unix();
  // Behind those who wait already: it is not its turn, and the socket has no room.
  const auto outcome = unix_target && waiting_.anyone(from.target) ? Outcome::full : try_addresses(index);
  if (outcome == Outcome::failed) return fail(index);
  connection.waiting = outcome == Outcome::full;
  if (connection.waiting) waiting_.add(from.target, {index, connections_.generation(index)}, core_.now);
  if (connection.attempt + 1 < addresses.size()) bound_attempt(index);
}

Streams::Outcome Streams::try_addresses(std::uint32_t index) {
  auto& connection = connections_[index];
  const auto& addresses = core_.addresses(core_.listeners[connection.listener]);
  for (; connection.attempt < addresses.size(); ++connection.attempt) {
    const auto outcome = try_address(index, addresses[connection.attempt]);
    if (outcome != Outcome::failed) return outcome;
  }
  return Outcome::failed;
}

Streams::Outcome Streams::try_address(std::uint32_t index, const Address& address) {
  auto& side = connections_[index].target;
  side = {};
  auto& kept = spare(address.family());
  side.fd = kept.valid()
                ? std::move(kept)
                : UniqueFd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!side.fd.valid()) return Outcome::failed;
  if (!address.is_unix()) prepare(side.fd.get(), address);
  const int error = ::connect(side.fd.get(), address.get(), address.size()) == 0 ? 0 : errno;
  if (error == EAGAIN && address.is_unix()) {
    kept = std::move(side.fd);  // as good as new
    return Outcome::full;
  }
  if (error != 0 && error != EINPROGRESS && error != EINTR) return Outcome::failed;
  const Tag tag{Source::target, connections_.generation(index), index};
  return core_.poller.add(side.fd.get(), kEvents, tag) ? Outcome::under_way : Outcome::failed;
}

void Streams::next_address(std::uint32_t index) {
  ++connections_[index].attempt;
  connect(index);
}

/// The connection has one deadline for all its addresses: a silent one must not use it up.
void Streams::bound_attempt(std::uint32_t index) {
  const Reference connection{index, connections_.generation(index)};
  attempts_.push_back(
      {connection, connections_[index].attempt, core_.now + core_.limits.connect.count() / 4});
}

void Streams::give_up_attempts() {
  for (; !attempts_.empty() && attempts_.front().deadline <= core_.now; attempts_.pop_front()) {
    const auto [of, number, deadline] = attempts_.front();
    if (!connections_.holds(of.index, of.generation)) continue;
    const auto& connection = connections_[of.index];
    if (!connection.connected && connection.attempt == number) next_address(of.index);
  }
}

void Streams::admit_waiting() {
  waiting_.admit(core_.now, [this](const Reference& who) {
    if (!connections_.holds(who.index, who.generation) || !connections_[who.index].waiting) return true;
    const auto outcome = try_addresses(who.index);
    connections_[who.index].waiting = outcome == Outcome::full;
    if (outcome == Outcome::failed) fail(who.index);
    return outcome != Outcome::full;
  });
}

void Streams::connected(std::uint32_t index) {
  auto& connection = connections_[index];
  connection.connected = true;
  const auto& from = core_.listeners[connection.listener];
  if (from.header == Header::none) return;
  const Ip here =
      from.source.is_v4() ? Ip::v4(INADDR_LOOPBACK) : Ip::from_bytes(in6addr_loopback.s6_addr, Family::v6);
  const auto text = header_text(from.header, {Address::of(from.source, connection.client_port),
                                              Address::of(here, from.port), core_.spaces[from.space].name});
  // The first bytes of a new connection always fit into its buffer.
  const auto sent = ::send(connection.target.fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(text.size())) fail(index);
}

// ---- going on ---------------------------------------------------------------------------------------------

void Streams::event(const Tag& tag, std::uint32_t events) {
  if (!connections_.holds(tag.index, tag.generation)) return;
  if (tag.source == Source::client)
    client_event(tag.index, events);
  else
    target_event(tag.index, events);
}

void Streams::client_event(std::uint32_t index, std::uint32_t events) {
  auto& connection = connections_[index];
  note(connection.client, events);
  if (connection.connected)
    pump(index);
  else if (connection.client.error)
    end(index, true);
}

void Streams::target_event(std::uint32_t index, std::uint32_t events) {
  auto& connection = connections_[index];
  if (!connection.connected) {
    if (events & (EPOLLERR | EPOLLHUP) && not_reached(connection.target)) return next_address(index);
    if (!(events & EPOLLOUT)) return;
    connected(index);
    if (!connection.connected) return;  // gone
  }
  note(connection.target, events);
  pump(index);
}

/// Tells the receiver of the end, once all before it is delivered. False: the connection is over.
bool Streams::relay_end(Connection& connection, Way& way, Side& from, Side& to) {
  if (!way.over()) return true;
  if (way.ending == Ending::cut || (way.ending == Ending::finished && from.error)) {
    connection.reset = true;
    return false;
  }
  if (way.told) return true;
  way.told = true;
  if (way.ending == Ending::broken) {
    connection.reset = true;
    from.readable = false;
  } else {
    ::shutdown(to.fd.get(), SHUT_WR);
  }
  return true;
}

void Streams::pump(std::uint32_t index) {
  auto& connection = connections_[index];
  auto& counters = core_.listeners[connection.listener].counters;
  const auto up = mover_.move(connection.up, connection.client, connection.target);
  const auto down = mover_.move(connection.down, connection.target, connection.client);
  counters.to_target += up.bytes;
  counters.from_target += down.bytes;
  if (!relay_end(connection, connection.up, connection.client, connection.target) ||
      !relay_end(connection, connection.down, connection.target, connection.client) ||
      (connection.up.told && connection.down.told))
    return end(index, connection.reset);
  if (connection.client.error) return end(index, true);  // nobody is there to hear the answer
  const bool ending = connection.up.told || connection.down.told || connection.target.error;
  (ending ? draining_ : idle_).arm(connections_, index, core_.now);
  if ((up.more || down.more) && !connection.queued) {
    connection.queued = true;
    again_.push_back(index);
  }
}

void Streams::go_on() {
  std::vector<std::uint32_t> now;
  now.swap(again_);
  for (const auto index : now) {
    if (!connections_.holds(index) || !connections_[index].queued) continue;  // ended meanwhile
    connections_[index].queued = false;
    pump(index);
  }
}

// ---- going ------------------------------------------------------------------------------------------------

void Streams::end(std::uint32_t index, bool reset) {
  auto& connection = connections_[index];
  disarm(connections_, index);
  core_.leave(connection.listener);
  if (reset) {
    close_with_reset(std::move(connection.client.fd));
    if (connection.target.fd.valid()) close_with_reset(std::move(connection.target.fd));
  }
  connections_.give(index);
}

void Streams::fail(std::uint32_t index) {
  ++core_.listeners[connections_[index].listener].counters.failed;
  end(index, true);
}

void Streams::expire() {
  for (std::uint32_t index; (index = connecting_.due(connections_, core_.now)) != kNone;) fail(index);
  give_up_attempts();
  admit_waiting();
  for (auto* queue : {&idle_, &draining_})
    for (std::uint32_t index; (index = queue->due(connections_, core_.now)) != kNone;) end(index, true);
}

Instant Streams::earliest(Instant limit) const {
  for (const auto* queue : {&connecting_, &idle_, &draining_}) limit = queue->earliest(connections_, limit);
  if (!attempts_.empty()) limit = std::min(limit, attempts_.front().deadline);
  return waiting_.earliest(limit);
}

void Streams::end_orphans() {
  connections_.for_each([&](std::uint32_t index) {
    if (!core_.listeners[connections_[index].listener].fd.valid()) end(index, true);
  });
}

}  // namespace warren::proxy
