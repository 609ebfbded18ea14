// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/forward/ports.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/netlink.h>

#include "sys/netns.h"
#include "sys/process.h"

namespace warren::forward {
namespace {

/// "sshd (PID 812)", or nothing where it cannot be told.
std::string program_of(const netlink::Listener& listener) {
  std::vector<pid_t> pids;
  const auto here = sys::netns_id("/proc/thread-self/ns/net");
  for (const auto& process : sys::processes().value_or(std::vector<sys::Process>{}))
    if (here && process.netns == *here) pids.push_back(process.pid);
  const auto holders = sys::holders_of(listener.inode, pids);
  if (holders.empty()) return "a program of the host";
  return fmt::format("{} (PID {}) on the host", sys::command_of(holders.front()), holders.front());
}

bool in_the_way(const netlink::Listener& listener, const model::Forward& forward) {
  if (listener.proto != forward.proto || !forward.ports.contains(listener.port)) return false;
  return !forward.host || listener.takes(*forward.host);
}

}  // namespace

Result<const PortResolver::Listeners*> PortResolver::listeners(Proto proto) {
  const auto known = listeners_.find(proto);
  if (known != listeners_.end()) return &known->second;
  auto socket = TRY(netlink::Socket::open(NETLINK_SOCK_DIAG));
  return &(listeners_[proto] = TRY(netlink::dump_listeners(socket, proto)));
}

Status PortResolver::check_host(const model::Forward& forward) {
  for (const auto& listener : *TRY(listeners(forward.proto)))
    if (in_the_way(listener, forward))
      return fail(Code::exists, fmt::format("{} port {} is taken by {}", name(forward.proto), listener.port,
                                            program_of(listener)));
  return {};
}

Status PortResolver::check(const model::Forward& forward) {
  for (const auto& other : chosen_)
    if (forward.collides(other))
      return fail(Code::usage, fmt::format("{} is asked for twice", forward.str()));
  const auto held = TRY(store_.collision(forward));
  if (held)
    return fail(Code::exists, fmt::format("{} port {} is taken by space {} ({})", name(forward.proto),
                                          forward.ports.str(), held->first.str(), held->second.str()));
  return check_host(forward);
}

Result<PortRange> PortResolver::pick(const model::ForwardSpec& spec) {
  std::vector<PortRange> used;
  for (const auto proto : spec.protos) {
    for (const auto& range : TRY(store_.used_ports(proto, settings_.port_range))) used.push_back(range);
    for (const auto& listener : *TRY(listeners(proto))) used.push_back({listener.port, listener.port});
  }
  for (const auto& forward : chosen_) used.push_back(forward.ports);
  const auto taken = [&](Port port) {
    return std::ranges::any_of(used, [&](const PortRange& range) { return range.contains(port); });
  };
  std::ranges::sort(used);
  for (std::uint32_t port = settings_.port_range.first; port <= settings_.port_range.last; ++port) {
    const auto at = static_cast<Port>(port);
    // Jump over whole used ranges: with many in use, trying each port would take long.
    const auto range = std::ranges::upper_bound(used, at, {}, &PortRange::first);
    if (range != used.begin() && std::prev(range)->contains(at))
      port = std::prev(range)->last;
    else if (!taken(at))
      return PortRange{at, at};
  }
  return fail(Code::failed, fmt::format("no free host port in {}: widen port_range in the configuration",
                                        settings_.port_range.str()));
}

Result<std::vector<model::Forward>> PortResolver::resolve(const std::vector<model::ForwardSpec>& specs) {
  chosen_.clear();
  for (const auto& spec : specs) {
    const auto free = spec.ports ? *spec.ports : TRY(pick(spec));
    for (const auto& forward : spec.forwards(free)) {
      TRY(check(forward));
      chosen_.push_back(forward);
    }
  }
  std::ranges::sort(chosen_);
  return std::move(chosen_);
}

}  // namespace warren::forward
