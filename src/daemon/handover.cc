// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/handover.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>

namespace warren::daemon {
namespace {

constexpr std::size_t kAtOnce = 128;  ///< descriptors a message; the kernel takes 253
constexpr int kRoom = 64 << 20;
using Descriptors = std::array<std::byte, CMSG_SPACE(sizeof(int) * kAtOnce)>;

/// One message: the descriptors, and the names of their spaces, a line each.
Status put(int to, std::span<const Handed> listeners) {
  std::string text;
  std::array<int, kAtOnce> fds{};
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    text += listeners[i].space.str() + "\n";
    fds[i] = listeners[i].fd;
  }
  const auto bytes = sizeof(int) * listeners.size();
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) Descriptors control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(bytes);
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(bytes);
  std::memcpy(CMSG_DATA(header), fds.data(), bytes);
  if (::sendmsg(to, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    return fail_errno(errno, "hand over listeners");
  return {};
}

std::vector<UniqueFd> descriptors(msghdr& message) {
  std::vector<UniqueFd> fds;
  for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const auto count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

Result<UniqueFd> pack(const std::vector<Handed>& listeners) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail_errno(errno, "make a socket pair");
  const UniqueFd in(ends[0]);
  UniqueFd out(ends[1]);
  ::setsockopt(in.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kRoom, sizeof kRoom);
  const std::span all(listeners);
  for (std::size_t at = 0; at < all.size(); at += kAtOnce)
    TRY(put(in.get(), all.subspan(at, std::min(kAtOnce, all.size() - at))));
  return out;
}

std::vector<Opened> unpack(int bundle) {
  std::vector<Opened> result;
  for (;;) {
    std::array<char, kAtOnce * 64> text{};
    iovec part{text.data(), text.size()};
    alignas(cmsghdr) Descriptors control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto got = ::recvmsg(bundle, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got <= 0) return result;
    std::string_view lines(text.data(), static_cast<std::size_t>(got));
    for (auto& fd : descriptors(message)) {
      const auto name = SpaceName::parse(lines.substr(0, lines.find('\n')));
      lines.remove_prefix(std::min(lines.find('\n'), lines.size() - 1) + 1);
      if (!name) continue;
      if (auto opened = inspect(std::move(fd), *name)) result.push_back(std::move(*opened));
      if (lines.empty()) break;
    }
  }
}

}  // namespace warren::daemon
