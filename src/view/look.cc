// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/look.h"

#include <fmt/format.h>
#include <linux/netlink.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "kinds/session/index.h"
#include "model/derive.h"
#include "netlink/link.h"
#include "store/spaces.h"
#include "sys/process.h"

namespace warren::view {
namespace {

/// Asks by a socket that is opened in the namespace, by a thread of its own, which goes inside and ends
/// there.
template <class Ask>
auto ask_inside(const UniqueFd& netns, int protocol, Ask ask)
    -> decltype(ask(std::declval<netlink::Socket&>())) {
  decltype(ask(std::declval<netlink::Socket&>())) answer;
  std::jthread([&] {
    answer = [&]() -> decltype(answer) {
      TRY(sys::enter_netns(netns.get()));
      auto socket = TRY(netlink::Socket::open(protocol));
      return ask(socket);
    }();
  }).join();
  return answer;
}

}  // namespace

Result<model::Space> find_space(store::Store& store, const std::string& text) {
  const auto name = TRY(SpaceName::parse(text));
  auto space = TRY(store.spaces().find(name));
  if (!space)
    return fail(Code::not_found, fmt::format("there is no space '{}'; `warren ls` lists them", text));
  return *space;
}

Result<std::vector<model::Space>> one_or_all(store::Store& store, const std::string& name,
                                             std::string_view command) {
  if (name.empty()) return store.spaces().all();
  return std::vector{TRY_WRAP(command, find_space(store, name))};
}

Result<std::vector<pid_t>> pids_inside(const Place& place, const SpaceName& name) {
  const auto netns = sys::open_netns(place.pin(name.str()));
  std::vector<pid_t> pids;
  if (!netns) return pids;
  const auto id = TRY(sys::netns_id(netns->get()));
  for (const auto& process : TRY(sys::processes()))
    if (process.netns == id) pids.push_back(process.pid);
  return pids;
}

Result<std::vector<netlink::Listener>> listeners_inside(const Place& place, const SpaceName& name) {
  const auto netns = sys::open_netns(place.pin(name.str()));
  if (!netns) return std::vector<netlink::Listener>{};
  return ask_inside(*netns, NETLINK_SOCK_DIAG,
                    [](netlink::Socket& socket) { return netlink::dump_listeners(socket); });
}

namespace {

/// The numbers that the MACs of the links in a namespace speak of. What is inside may say what it likes, so
/// that is where to look first, and no more.
std::vector<SpaceNumber> numbers_inside(const std::string& path) {
  std::vector<SpaceNumber> numbers;
  const auto netns = sys::open_netns(path);
  if (!netns) return numbers;
  const auto links =
      ask_inside(*netns, NETLINK_ROUTE, [](auto& socket) { return netlink::dump_links(socket); });
  if (!links) return numbers;
  for (const auto& link : *links)
    if (const auto number = model::number_in(link.mac);
        number && std::ranges::find(numbers, *number) == numbers.end())
      numbers.push_back(*number);
  return numbers;
}

bool is_pinned_at(const Place& place, const SpaceName& name, const sys::NetnsId& id) {
  const auto pin = sys::netns_id(place.pin(name.str()));
  return pin && *pin == id;
}

}  // namespace

Result<std::optional<model::Space>> space_of(const Place& place, store::Store& store, pid_t pid) {
  const auto path = fmt::format("/proc/{}/ns/net", pid);
  const auto id = sys::netns_id(path);
  if (!id) return fail(Code::not_found, fmt::format("there is no process {}", pid));
  const auto host = sys::netns_id(session::host_netns(place));
  if (host && *host == *id) return std::nullopt;
  for (const auto number : numbers_inside(path))
    if (auto space = TRY(store.spaces().find(number)); space && is_pinned_at(place, space->name, *id))
      return space;
  // The tenant may have changed all that warren gave it.
  for (const auto& name : TRY(store.spaces().names()))
    if (is_pinned_at(place, name, *id)) return store.spaces().find(name);
  return std::nullopt;
}

}  // namespace warren::view
