// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fmt/format.h>
#include <future>
#include <iterator>
#include <map>
#include <set>
#include <unistd.h>

#include "apply/dhcp.h"
#include "apply/engine.h"
#include "apply/table.h"
#include "store/spaces.h"
#include "sys/netns.h"
#include "sys/process.h"

namespace warren::apply {
namespace {

constexpr std::size_t kShownProcesses = 5;

/// The processes inside each of the spaces, from one walk over /proc. Adopted namespaces are somebody
/// else's, and so are their processes.
Result<std::map<SpaceName, std::vector<pid_t>>> inhabitants(const std::vector<model::Space>& spaces) {
  std::map<sys::NetnsId, SpaceName> names;
  for (const auto& space : spaces) {
    const auto netns = sys::open_netns(sys::pin_path(space.name));
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
    if (!with_clients.contains(found->second) || !is_of_client(process.pid))
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

Status Engine::vacate(const std::vector<model::Space>& spaces, bool force) {
  for (const auto& [name, pids] : TRY(inhabitants(spaces))) {
    if (!force) return fail(Code::failed, list(name, pids) + "; end them, or give --force");
    TRY(sys::end_processes(pids));
  }
  return {};
}

/// The operator's hooks may end what runs inside. Where somebody stays, all stay.
Status Engine::empty_spaces(const std::vector<model::Space>& spaces, bool force) {
  fall_all(spaces);
  auto vacated = vacate(spaces, force);
  if (!vacated)
    for (const auto& space : spaces) hooks_.let_be(space.name);
  return vacated;
}

Status Engine::set_states(const std::vector<model::Space>& spaces, model::State state) {
  auto transaction = TRY(store_.begin());
  for (const auto& space : spaces) TRY(store_.spaces().set_state(space.number, state));
  return transaction.commit();
}

/// Nobody comes in while those inside are looked for. Where they stay, others may come again.
Status Engine::close_down(const std::vector<model::Space>& spaces, model::State state, bool force) {
  for (const auto& space : spaces) TRY(sessions().hold(space));
  auto closed = empty_spaces(spaces, force);
  if (closed) closed = set_states(spaces, state);
  if (!closed) TRY(settle_sessions(spaces, {}));
  return closed;
}

Status Engine::take_away(const std::vector<model::Space>& spaces) {
  Work work;
  for (const auto& space : spaces) end_space(work, space, settings_);
  const auto& host = *TRY(facts());
  // Few elements go before the links. Many go beside them: what loses its link is out of reach as well.
  const bool many = work.remove.size() > kManyElements;
  std::future<Status> removing;
  if (many)
    removing = std::async(std::launch::async, [&] { return change_elements(kernel_, work.remove, {}); });
  else
    TRY(change_table(host, work.remove, {}));
  auto torn = drop_devices(work);
  if (torn) torn = tear_down(kernel_, settings_, work.tear_down);
  const auto removed = many ? removing.get() : Status();
  TRY(Status(torn));
  if (!removed) TRY(change_table(host, work.remove, {}));  // says what was wrong, or mends it
  return forget_flows(work.forget_first);
}

Status Engine::forget(const std::vector<model::Space>& spaces) {
  auto transaction = TRY(store_.begin());
  std::vector<Element> gone;
  for (const auto& space : spaces) {
    std::ranges::move(TRY(confined(space)), std::back_inserter(gone));
    TRY(sessions().withdraw(space));  // while the store knows its members
    TRY(store_.spaces().erase(space.number));
  }
  TRY(release(std::move(gone)));
  return transaction.commit();
}

Status Engine::leave_if_unused() {
  for (const auto& space : TRY(store_.spaces().all()))
    if (space.state == model::State::up) return {};
  return leave_host();
}

Status Engine::remove(const std::vector<SpaceName>& names, bool force) {
  std::vector<model::Space> spaces;
  for (const auto& name : names) spaces.push_back(TRY(find(name)));
  TRY(close_down(spaces, model::State::removing, force));
  TRY(take_away(spaces));
  end_fall(spaces);
  TRY(forget(spaces));
  return leave_if_unused();
}

Status Engine::down(const std::vector<SpaceName>& names, bool force) {
  std::vector<model::Space> spaces;
  for (const auto& name : names) {
    auto space = TRY(find(name));
    if (space.state == model::State::up) spaces.push_back(std::move(space));
  }
  TRY(close_down(spaces, model::State::down, force));
  TRY(take_away(spaces));
  end_fall(spaces);
  return leave_if_unused();
}

}  // namespace warren::apply
