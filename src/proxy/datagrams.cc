// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/datagrams.h"

#include <cerrno>
#include <sys/socket.h>

namespace warren::proxy {
namespace {

constexpr int kBatch = 64;  ///< datagrams of one socket before others have their turn

/// A socket that talks with the target alone.
UniqueFd connected_socket(const Address& target) {
  UniqueFd fd(::socket(target.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.valid() && ::connect(fd.get(), target.get(), target.size()) != 0) fd.reset();
  return fd;
}

}  // namespace

Datagrams::Datagrams(Core& core)
    : core_(core),
      idle_(core.limits.flow.count()),
      buffer_(std::make_unique_for_overwrite<char[]>(kBuffer)) {}

void Datagrams::receive(std::uint32_t listener) {
  for (int count = 0; count < kBatch; ++count) {
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    auto* address = static_cast<sockaddr*>(static_cast<void*>(&peer));
    const auto got =
        ::recvfrom(core_.listeners[listener].fd.get(), buffer_.get(), kBuffer, 0, address, &size);
    if (got < 0) return;
    const auto index = flow_of(listener, Address::from(peer));
    if (index == kNone) continue;
    idle_.arm(flows_, index, core_.now);
    // A full queue loses datagrams, as it does without a proxy; a refusal shows when the answer is read.
    const auto sent =
        ::send(flows_[index].fd.get(), buffer_.get(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
    if (sent > 0) core_.listeners[listener].counters.to_target += static_cast<std::uint64_t>(sent);
  }
}

std::uint32_t Datagrams::flow_of(std::uint32_t listener, const Address& client) {
  const auto found = by_client_.find({listener, client.ip(), client.port()});
  return found != by_client_.end() ? found->second : begin(listener, client);
}

std::uint32_t Datagrams::begin(std::uint32_t listener, const Address& client) {
  auto& from = core_.listeners[listener];
  if (!core_.admit(listener)) return kNone;
  UniqueFd fd;
  for (const auto& target : core_.addresses(from)) {
    fd = connected_socket(target);
    if (fd.valid()) break;
  }
  const auto index = flows_.take();
  const Tag tag{Source::flow, flows_.generation(index), index};
  if (!fd.valid() || !core_.poller.add(fd.get(), EPOLLIN, tag)) {
    ++from.counters.failed;
    core_.leave(listener);
    flows_.give(index);
    return kNone;
  }
  flows_[index].fd = std::move(fd);
  flows_[index].listener = listener;
  flows_[index].client = client;
  by_client_.emplace(Key{listener, client.ip(), client.port()}, index);
  return index;
}

void Datagrams::event(const Tag& tag) {
  if (!flows_.holds(tag.index, tag.generation)) return;
  auto& flow = flows_[tag.index];
  auto& from = core_.listeners[flow.listener];
  for (int count = 0; count < kBatch; ++count) {
    const auto got = ::recv(flow.fd.get(), buffer_.get(), kBuffer, 0);
    if (got < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      ++from.counters.failed;  // refused: the next datagram finds out anew
      return end(tag.index);
    }
    idle_.arm(flows_, tag.index, core_.now);
    const auto sent = ::sendto(from.fd.get(), buffer_.get(), static_cast<std::size_t>(got), MSG_NOSIGNAL,
                               flow.client.get(), flow.client.size());
    if (sent > 0) from.counters.from_target += static_cast<std::uint64_t>(sent);
  }
}

void Datagrams::end(std::uint32_t index) {
  const auto& flow = flows_[index];
  disarm(flows_, index);
  core_.leave(flow.listener);
  by_client_.erase({flow.listener, flow.client.ip(), flow.client.port()});
  flows_.give(index);
}

void Datagrams::expire() {
  for (std::uint32_t index; (index = idle_.due(flows_, core_.now)) != kNone;) end(index);
}

void Datagrams::end_orphans() {
  flows_.for_each([&](std::uint32_t index) {
    if (!core_.listeners[flows_[index].listener].fd.valid()) end(index);
  });
}

}  // namespace warren::proxy
