// SPDX-License-Identifier: GPL-2.0-or-later
// The processes inside spaces that are to go.
#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <unistd.h>

#include "engine/self.h"
#include "kinds/device/dhcp.h"
#include "sys/netns.h"
#include "sys/process.h"

namespace warren::engine {
namespace {

constexpr std::size_t kShownProcesses = 5;

/// The processes inside each of the spaces, from one walk over /proc. Adopted namespaces are somebody
/// else's, and so are their processes.
Result<std::map<SpaceName, std::vector<pid_t>>> inhabitants(const Place& place,
                                                            const std::vector<model::Space>& spaces) {
  std::map<sys::NetnsId, SpaceName> names;
  for (const auto& space : spaces) {
    const auto netns = sys::open_netns(place.pin(space.name.str()));
    if (!netns || space.adopted) continue;
    names.emplace(TRY(sys::netns_id(netns->get())), space.name);
  }
  std::map<SpaceName, std::vector<pid_t>> inside;
  if (names.empty()) return inside;
  std::set<SpaceName> with_clients;
  for (const auto& space : spaces)
    if (std::ranges::any_of(space.devices, &model::Device::dhcp)) with_clients.insert(space.name);
  for (const auto& process : TRY(sys::processes())) {
    const auto found = names.find(process.netns);
    if (found == names.end() || process.pid == ::getpid()) continue;
    if (!with_clients.contains(found->second) || !device::is_of_client(process.pid))
      inside[found->second].push_back(process.pid);
  }
  return inside;
}

std::string list(const SpaceName& name, const std::vector<pid_t>& pids) {
  std::string text = fmt::format("processes are inside {}:", name.str());
  for (std::size_t i = 0; i < std::min(pids.size(), kShownProcesses); ++i)
    text += fmt::format("{} PID {} ({})", i ? "," : "", pids[i], sys::command_of(pids[i]));
  if (pids.size() > kShownProcesses) text += fmt::format(" and {} more", pids.size() - kShownProcesses);
  return text;
}

}  // namespace

Status Engine::Self::vacate(const std::vector<model::Space>& spaces, bool force) {
  for (const auto& [name, pids] : TRY(inhabitants(place(), spaces))) {
    if (!force) return fail(Code::failed, list(name, pids) + "; end them, or give --force");
    TRY(sys::end_processes(pids));
  }
  return {};
}

}  // namespace warren::engine
