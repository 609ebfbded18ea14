// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/control.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "proxy/address.h"

namespace warren::daemon {
namespace {

constexpr auto kPatience = std::chrono::seconds(2);
constexpr std::size_t kMostClients = 64;
constexpr std::size_t kLongest = 64;  ///< characters of a request

/// All of it, or as much as the reader takes within his time.
void send_all(int fd, std::string_view text) {
  ::fcntl(fd, F_SETFL, 0);
  const timeval patience{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  while (!text.empty()) {
    const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

}  // namespace

Result<Control> Control::listen(const std::string& path) {
  const auto address = TRY(proxy::Address::of_path(path));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail_errno(errno, "make a socket");
  ::unlink(path.c_str());  // there is one warrend: its lock says so
  const auto mask = ::umask(0177);
  const int bound = ::bind(fd.get(), address.get(), address.size());
  const int error = errno;
  ::umask(mask);
  if (bound != 0) return fail_errno(error, "bind " + path);
  if (::listen(fd.get(), 16) != 0) return fail_errno(errno, "listen at " + path);
  return Control(std::move(fd));
}

void Control::watch(std::vector<pollfd>& fds) const {
  if (clients_.size() < kMostClients) fds.push_back({listener_.get(), POLLIN, 0});
  for (const auto& client : clients_) fds.push_back({client.fd.get(), POLLIN, 0});
}

Control::Clock::time_point Control::earliest(Clock::time_point limit) const {
  for (const auto& client : clients_) limit = std::min(limit, client.until);
  return limit;
}

void Control::handle(const Answer& answer) {
  while (clients_.size() < kMostClients) {
    UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) break;
    clients_.push_back({std::move(fd), {}, Clock::now() + kPatience});
  }
  std::erase_if(clients_, [&](Client& client) { return finished(client, answer); });
}

bool Control::finished(Client& client, const Answer& answer) {
  std::array<char, kLongest> buffer;
  const auto got = ::recv(client.fd.get(), buffer.data(), buffer.size(), 0);
  if (got < 0) return errno != EAGAIN || Clock::now() >= client.until;
  client.request.append(buffer.data(), static_cast<std::size_t>(got));
  const auto end = client.request.find('\n');
  if (got > 0 && end == std::string::npos && client.request.size() < kLongest) return false;
  send_all(client.fd.get(), answer(client.request.substr(0, end)));
  return true;
}

}  // namespace warren::daemon
