// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon.h"

#include <array>
#include <cstring>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace warren::cli {
namespace {

constexpr timeval kPatience{2, 0};

}  // namespace

std::optional<std::string> ask_daemon(const Place& place) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, place.in_run("warrend.sock").c_str(), sizeof address.sun_path - 1);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return std::nullopt;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::shutdown(fd.get(), SHUT_WR);
  std::string answer;
  std::array<char, 4096> part{};
  for (ssize_t size = 0; (size = ::read(fd.get(), part.data(), part.size())) > 0;)
    answer.append(part.data(), static_cast<std::size_t>(size));
  if (answer.empty()) return std::nullopt;
  return answer;
}

}  // namespace warren::cli
