// SPDX-License-Identifier: GPL-2.0-or-later
#include "rooms/living.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <set>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "sys/file.h"
#include "sys/netns.h"
#include "sys/process.h"

namespace warren::rooms {
namespace {

std::string folder(const Place& place) { return place.in_run("netns"); }
std::string path_of(const Place& place, const SpaceName& name) {
  return fmt::format("{}/{}", folder(place), name.str());
}

std::optional<NetnsCookie> noted(const Place& place, const SpaceName& name) {
  std::array<char, 32> text{};
  const auto size = ::readlink(path_of(place, name).c_str(), text.data(), text.size());
  if (size <= 0) return std::nullopt;
  NetnsCookie cookie = 0;
  const auto* const end = text.data() + size;
  const auto [rest, error] = std::from_chars(text.data(), end, cookie);
  return error == std::errc() && rest == end ? std::optional(cookie) : std::nullopt;
}

/// Leaves the thread wherever it looked last.
std::optional<UniqueFd> look_for(NetnsCookie cookie) {
  std::set<sys::NetnsId> seen;
  for (const auto& process : sys::processes().value_or(std::vector<sys::Process>{})) {
    if (!seen.insert(process.netns).second) continue;
    auto netns = sys::open_netns(fmt::format("/proc/{}/ns/net", process.pid));
    if (!netns || !sys::enter_netns(netns->get())) continue;
    const auto socket = netlink::Socket::open(NETLINK_ROUTE);
    if (!socket) continue;
    if (const auto found = netns_cookie(*socket); found && *found == cookie) return std::move(*netns);
  }
  return std::nullopt;
}

}  // namespace

Result<NetnsCookie> netns_cookie(const netlink::Socket& socket) {
  NetnsCookie cookie = 0;
  socklen_t size = sizeof cookie;
  if (::getsockopt(socket.fd(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0) return cookie;
  return fail_errno(errno, "ask for the number of a network namespace");
}

Status note_netns(const Place& place, const SpaceName& name, NetnsCookie cookie) {
  const auto path = path_of(place, name);
  const auto text = std::to_string(cookie);
  const auto link = [&] { return ::symlink(text.c_str(), path.c_str()) == 0; };
  if (link()) return {};
  if (errno == EEXIST) ::unlink(path.c_str());
  if (errno == ENOENT) TRY(sys::make_directories(folder(place)));
  if (link()) return {};
  return fail_errno(errno, "make " + path);
}

Status forget_netns(const Place& place, const SpaceName& name) {
  const auto path = path_of(place, name);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail_errno(errno, "remove " + path);
}

std::optional<UniqueFd> find_living_netns(const Place& place, const SpaceName& name) {
  const auto cookie = noted(place, name);
  if (!cookie) return std::nullopt;
  std::optional<UniqueFd> netns;
  std::jthread([&] { netns = look_for(*cookie); }).join();
  return netns;
}

}  // namespace warren::rooms
