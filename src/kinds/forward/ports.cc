// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/forward/ports.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/netlink.h>

#include "store/forwards.h"
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

void PortIndex::add(const SpaceName& space, const model::Forward& forward) {
  by_first_[forward.proto].emplace(forward.ports.first, std::pair(space, forward));
  widest_ = std::max<std::uint32_t>(widest_, forward.ports.last - forward.ports.first + 1U);
}

const std::pair<SpaceName, model::Forward>* PortIndex::collision(const model::Forward& forward) const {
  const auto of_proto = by_first_.find(forward.proto);
  if (of_proto == by_first_.end()) return nullptr;
  // A range that begins below may reach up to here.
  const auto lowest = forward.ports.first >= widest_ ? forward.ports.first - widest_ + 1U : 0U;
  auto at = of_proto->second.lower_bound(static_cast<Port>(lowest));
  for (; at != of_proto->second.end() && at->first <= forward.ports.last; ++at)
    if (at->second.second.collides(forward)) return &at->second;
  return nullptr;
}

void PortIndex::collect(const std::vector<Proto>& protos, std::vector<PortRange>& to) const {
  for (const auto proto : protos)
    if (const auto found = by_first_.find(proto); found != by_first_.end())
      for (const auto& [first, entry] : found->second) to.push_back(entry.second.ports);
}

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

Status PortResolver::check(const SpaceName& space, const model::Forward& forward) {
  const auto refuse = [&](const SpaceName& who, const model::Forward& theirs) {
    return fail(Code::exists, fmt::format("{} port {} is taken by space {} ({})", name(forward.proto),
                                          forward.ports.str(), who.str(), theirs.str()));
  };
  if (const auto* other = taken_.collision(forward)) {
    if (other->first == space) return fail(Code::usage, fmt::format("{} is asked for twice", forward.str()));
    return refuse(other->first, other->second);
  }
  if (!all_)
    if (const auto held = TRY(ask_.store.forwards().collision(forward)))
      return refuse(held->first, held->second);
  return check_host(forward);
}

Result<PortRange> PortResolver::pick(const model::ForwardSpec& spec) {
  const auto& wanted = ask_.settings.port_range;
  std::vector<PortRange> used;
  taken_.collect(spec.protos, used);
  for (const auto proto : spec.protos) {
    if (!all_)
      for (const auto& range : TRY(ask_.store.forwards().used(proto, wanted))) used.push_back(range);
    for (const auto& listener : *TRY(listeners(proto))) used.push_back({listener.port, listener.port});
  }
  std::ranges::sort(used);
  std::uint32_t port = wanted.first;
  for (const auto& range : used) {
    if (range.first > port) break;
    port = std::max<std::uint32_t>(port, range.last + 1U);
  }
  if (port <= wanted.last) return PortRange{static_cast<Port>(port), static_cast<Port>(port)};
  return fail(Code::failed,
              fmt::format("no free host port in {}: widen port_range in the configuration", wanted.str()));
}

Result<std::vector<model::Forward>> PortResolver::resolve(const SpaceName& space,
                                                          const std::vector<model::ForwardSpec>& specs) {
  std::vector<model::Forward> chosen;
  for (const auto& spec : specs) {
    const auto free = spec.ports ? *spec.ports : TRY(pick(spec));
    for (const auto& forward : spec.forwards(free)) {
      TRY(check(space, forward));
      take(space, forward);
      chosen.push_back(forward);
    }
  }
  std::ranges::sort(chosen);
  return chosen;
}

}  // namespace warren::forward
