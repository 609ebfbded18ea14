// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/ports.h"

#include <algorithm>
#include <fmt/format.h>
#include <linux/netlink.h>

#include "apply/engine.h"
#include "store/forwards.h"
#include "sys/netns.h"
#include "sys/process.h"

namespace warren::apply {
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

/// The forwards that a specification names. A port without a colon is the host's, as `port ls` shows it.
std::vector<model::Forward> named_by(const model::ForwardSpec& spec,
                                     const std::vector<model::Forward>& forwards) {
  std::vector<model::Forward> found;
  for (const auto& want : spec.forwards(PortRange{spec.to, spec.to}))
    for (const auto& forward : forwards)
      if (forward.proto == want.proto && forward.host == want.host && forward.ports == want.ports &&
          (!spec.ports || forward.to == want.to))
        found.push_back(forward);
  return found;
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
  const auto held = TRY(store_.forwards().collision(forward));
  if (held)
    return fail(Code::exists, fmt::format("{} port {} is taken by space {} ({})", name(forward.proto),
                                          forward.ports.str(), held->first.str(), held->second.str()));
  return check_host(forward);
}

Result<PortRange> PortResolver::pick(const model::ForwardSpec& spec) {
  std::vector<PortRange> used;
  for (const auto proto : spec.protos) {
    for (const auto& range : TRY(store_.forwards().used(proto, settings_.port_range))) used.push_back(range);
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

Result<std::vector<model::Forward>> Engine::add_ports(const SpaceName& name,
                                                      const std::vector<model::ForwardSpec>& specs) {
  const auto space = TRY(find(name));
  if (!space.uplink) return std::unexpected(no_forwards(name));
  const auto added = TRY(PortResolver(store_, settings_).resolve(specs));
  TRY(store_forwards(space, {}, added));
  if (space.state != model::State::up) return added;
  Work work;
  change_forwards(work, model::wiring(space, settings_), {}, added);
  if (auto done = carry_out(work); !done) {
    TRY(store_forwards(space, added, {}));
    return std::unexpected(std::move(done).error());
  }
  return added;
}

Status Engine::store_forwards(const model::Space& space, const std::vector<model::Forward>& remove,
                              const std::vector<model::Forward>& add) {
  auto transaction = TRY(store_.begin());
  for (const auto& forward : remove) TRY(store_.forwards().erase(space.number, forward));
  for (const auto& forward : add) TRY(store_.forwards().insert(space.number, forward));
  return transaction.commit();
}

Result<std::vector<model::Forward>> Engine::remove_ports(const SpaceName& name,
                                                         const std::vector<model::ForwardSpec>& specs) {
  const auto space = TRY(find(name));
  std::vector<model::Forward> gone;
  for (const auto& spec : specs) {
    const auto found = named_by(spec, space.forwards);
    if (found.empty())
      return fail(
          Code::not_found,
          fmt::format("space {} has no forward of port {}; `warren port ls {}` lists them", name.str(),
                      spec.ports.value_or(PortRange{spec.to, spec.to}).str(), name.str()));
    for (const auto& forward : found)
      if (std::ranges::find(gone, forward) == gone.end()) gone.push_back(forward);
  }
  TRY(store_forwards(space, gone, {}));
  if (space.state != model::State::up) return gone;
  Work work;
  change_forwards(work, model::wiring(space, settings_), gone, {});
  (void)TRY(carry_out(work));
  return gone;
}

}  // namespace warren::apply
