// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/core.h"

#include <sys/socket.h>

namespace warren::proxy {

Counters& Counters::operator+=(const Counters& other) {
  now += other.now;
  total += other.total;
  refused += other.refused;
  failed += other.failed;
  to_target += other.to_target;
  from_target += other.from_target;
  return *this;
}

void Core::watch(std::uint32_t listener, std::uint32_t events) {
  const Tag tag{Source::listener, listeners.generation(listener), listener};
  // Of a descriptor that is watched already nothing but a lack of kernel memory could keep it.
  (void)poller.change(listeners[listener].fd.get(), events, tag);
}

void Core::pause(std::uint32_t listener) {
  if (listeners[listener].paused) return;
  if (paused.empty()) {
    resume_at = now + limits.back_off.count();
    ++pauses;
  }
  listeners[listener].paused = true;
  paused.push_back(listener);
  watch(listener, 0);
}

void Core::resume_paused() {
  if (paused.empty() || now < resume_at) return;
  for (const auto listener : paused) {
    if (!listeners.holds(listener) || !listeners[listener].paused) continue;
    listeners[listener].paused = false;
    watch(listener, EPOLLIN);
  }
  paused.clear();
}

void Core::stop_accepting(bool close) {
  listeners.for_each([&](std::uint32_t index) {
    auto& listener = listeners[index];
    listener.paused = false;
    // A listener that is shut down, here or by another process that holds it, has an event that epoll tells
    // for ever, whatever it was asked to watch.
    poller.remove(listener.fd.get());
    if (close && listener.proto == Proto::tcp) ::shutdown(listener.fd.get(), SHUT_RDWR);
  });
  paused.clear();
}

bool Core::admit(std::uint32_t listener) {
  auto& from = listeners[listener];
  auto& space = spaces[from.space];
  if (space.open >= limits.per_space) {
    ++from.counters.refused;
    return false;
  }
  ++space.open;
  ++from.counters.now;
  ++from.counters.total;
  return true;
}

void Core::leave(std::uint32_t listener) {
  auto& from = listeners[listener];
  --spaces[from.space].open;
  --from.counters.now;
}

void bound_buffers(int fd) {
  constexpr int kReceive = 128 * 1024;  // the kernel doubles both
  constexpr int kSend = 256 * 1024;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceive, sizeof kReceive);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSend, sizeof kSend);
}

void close_with_reset(UniqueFd fd) {
  const linger now{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace warren::proxy
