// SPDX-License-Identifier: GPL-2.0-or-later
#include "look.h"

#include <fmt/format.h>
#include <linux/netlink.h>

#include <charconv>
#include <thread>

#include "store/spaces.h"
#include "sys/process.h"

namespace warren::cli {

std::unexpected<Error> no_space(std::string_view name) {
  return fail(Code::not_found, fmt::format("there is no space '{}'; `warren ls` lists them", name));
}

Result<model::Space> find_space(store::Store& store, const std::string& text) {
  const auto name = TRY(SpaceName::parse(text));
  auto space = TRY(store.spaces().find(name));
  if (!space) return no_space(text);
  return *space;
}

Result<std::vector<model::Space>> one_or_all(store::Store& store, const std::string& name,
                                             std::string_view command) {
  if (name.empty()) return store.spaces().all();
  return std::vector{TRY_WRAP(command, find_space(store, name))};
}

Result<std::vector<pid_t>> pids_inside(const SpaceName& name) {
  const auto netns = sys::open_netns(sys::pin_path(name));
  std::vector<pid_t> pids;
  if (!netns) return pids;
  const auto id = TRY(sys::netns_id(netns->get()));
  for (const auto& process : TRY(sys::processes()))
    if (process.netns == id) pids.push_back(process.pid);
  return pids;
}

Result<std::vector<netlink::Listener>> listeners_inside(const SpaceName& name) {
  const auto netns = sys::open_netns(sys::pin_path(name));
  if (!netns) return std::vector<netlink::Listener>{};
  Result<std::vector<netlink::Listener>> listeners;
  // A thread of its own goes inside, and ends there.
  std::jthread([&] {
    listeners = [&]() -> Result<std::vector<netlink::Listener>> {
      TRY(sys::enter_netns(netns->get()));
      auto socket = TRY(netlink::Socket::open(NETLINK_SOCK_DIAG));
      return netlink::dump_listeners(socket);
    }();
  }).join();
  return listeners;
}

Result<std::optional<model::Space>> space_of(store::Store& store, pid_t pid) {
  const auto id = sys::netns_id(fmt::format("/proc/{}/ns/net", pid));
  if (!id) return fail(Code::not_found, fmt::format("there is no process {}", pid));
  for (auto& space : TRY(store.spaces().all())) {
    const auto netns = sys::open_netns(sys::pin_path(space.name));
    if (netns && TRY(sys::netns_id(netns->get())) == *id) return std::optional(std::move(space));
  }
  return std::nullopt;
}

Result<pid_t> parse_pid(const std::string& text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc{} || end != text.data() + text.size() || pid < 1)
    return fail(Code::usage, fmt::format("'{}' is no process ID", shown(text)));
  return pid;
}

}  // namespace warren::cli
