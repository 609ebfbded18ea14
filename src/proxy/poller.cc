// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/poller.h"

#include <cerrno>

namespace warren::proxy {
namespace {

Status control(int poller, int operation, int fd, std::uint32_t events, const Tag& tag) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag.pack();
  if (::epoll_ctl(poller, operation, fd, &event) == 0) return {};
  return fail_errno(errno, "watch a socket");
}

}  // namespace

Result<Poller> Poller::open() {
  UniqueFd fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "make an epoll instance");
  return Poller(std::move(fd));
}

Status Poller::add(int fd, std::uint32_t events, const Tag& tag) const {
  return control(fd_.get(), EPOLL_CTL_ADD, fd, events, tag);
}

Status Poller::change(int fd, std::uint32_t events, const Tag& tag) const {
  return control(fd_.get(), EPOLL_CTL_MOD, fd, events, tag);
}

void Poller::remove(int fd) const { ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr); }

std::span<epoll_event> Poller::wait(std::span<epoll_event> events, int timeout) const {
  const int count = ::epoll_wait(fd_.get(), events.data(), static_cast<int>(events.size()), timeout);
  return events.first(count < 0 ? 0 : static_cast<std::size_t>(count));
}

}  // namespace warren::proxy
